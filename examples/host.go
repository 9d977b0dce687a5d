// A host in Go: a linear layer learns to add up its four inputs, from samples that a callback of Go's makes.
//
//	go build -o host host.go && ./host          pkg-config finds the library
package main

/*
#cgo pkg-config: pretrain
#include <pretrain.h>
#include <stdlib.h>
void fetch(void *user, pt_batch_t *batch);
*/
import "C"
import (
	"fmt"
	"os"
	"runtime"
	"unsafe"
)

// C's memory: structs that go in may point to it.
var nameX, nameY, nameLayer = C.CString("x"), C.CString("y"), C.CString("linear")

//export fetch
func fetch(user unsafe.Pointer, batch *C.pt_batch_t) {
	defer func() { recover() }() // a panic must not pass the library: the status stays "failed", and the stage ends
	x := unsafe.Slice((*float32)(C.pt_batch_field(batch, nameX).data), 4*batch.capacity)
	y := unsafe.Slice((*float32)(C.pt_batch_field(batch, nameY).data), batch.capacity)
	for i, index := range unsafe.Slice(batch.indices, batch.capacity) {
		y[i] = 0
		for j := 0; j < 4; j++ {
			x[4*i+j] = float32((int(index)*7919+j*104729)%1009)/504 - 1
			y[i] += x[4*i+j]
		}
	}
	batch.filled = batch.capacity
	batch.status = C.PT_OK
}

// The message stands with the handle that the call was on, so that it does not matter which thread asks for it.
func check(status C.pt_status_t, message *C.char) {
	if status != C.PT_OK {
		fmt.Fprintln(os.Stderr, C.GoString(C.pt_status_name(status)), C.GoString(message))
		os.Exit(1)
	}
}

// That of a call which made no handle.
func lastOf(context *C.pt_context_t) *C.char {
	C.pt_context_last_error(context, &message[0], C.size_t(len(message)))
	return &message[0]
}

var message [1024]C.char

func main() {
	var context *C.pt_context_t
	var graph *C.pt_graph_t
	var model *C.pt_model_t
	var optimizer *C.pt_optimizer_t
	var data *C.pt_dataset_t
	runtime.LockOSThread() // without a context yet, the message is the thread's
	check(C.pt_context_create(nil, &context), C.pt_last_error())
	runtime.UnlockOSThread()
	check(C.pt_graph_create(context, &graph), lastOf(context))
	in := C.pt_input(graph, nameX, C.PT_FLOAT32, 2, &[]C.int64_t{C.PT_DIM_BATCH, 4}[0])
	want := C.pt_input(graph, nameY, C.PT_FLOAT32, 2, &[]C.int64_t{C.PT_DIM_BATCH, 1}[0])
	sum := C.pt_linear_layer(graph, nameLayer, in, 1, C.PT_ACTIVATION_NONE)
	check(C.pt_graph_set_loss(graph, C.pt_mse_loss(graph, sum, want, nil)), C.pt_graph_last_error(graph))
	check(C.pt_model_create(context, graph, &model), lastOf(context))
	check(C.pt_optimizer_create(context, nil, &optimizer), lastOf(context)) // AdamW, learning rate 0.001
	fields := []C.pt_field_spec_t{{name: nameX, dtype: C.PT_FLOAT32, rank: 1}, {name: nameY, dtype: C.PT_FLOAT32, rank: 1}}
	fields[0].shape[0], fields[1].shape[0] = 4, 1
	check(C.pt_dataset_create_map(context, &fields[0], 2, C.sizeof_pt_field_spec_t, 20000, 0, C.pt_fetch_fn(C.fetch), nil,
		nil, &data), lastOf(context))
	check(C.pt_pretrain(model, optimizer, data, nil, nil), C.pt_model_last_error(model)) // one epoch in batches of 8
	result := C.pt_evaluation_t{struct_size: C.sizeof_pt_evaluation_t}
	check(C.pt_evaluate(model, data, 100, &result), C.pt_model_last_error(model))
	fmt.Printf("loss %g after %d steps\n", float64(result.loss), C.pt_optimizer_steps(optimizer))
	C.pt_dataset_free(data)
	C.pt_optimizer_free(optimizer)
	C.pt_model_free(model)
	C.pt_graph_free(graph)
	C.pt_context_free(context)
	for _, name := range []*C.char{nameX, nameY, nameLayer} {
		C.free(unsafe.Pointer(name))
	}
	if result.loss > 0.01 {
		os.Exit(1)
	}
}
