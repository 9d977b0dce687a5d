// A host in Rust: a linear layer learns to add up its four inputs, from samples that a callback of Rust's makes.
//
//   rustc -O host.rs $(pkg-config --libs pretrain | sed 's/-L/-L /g') && ./host
use std::ffi::CStr;
use std::mem::size_of;
use std::os::raw::{c_char, c_void};
use std::ptr::{null, null_mut};

// What is used of pretrain.h; bindgen writes all of it.
const FLOAT32: i32 = 1;
const DIM_BATCH: i64 = -1001;
#[repr(C)]
struct FieldSpec {
    name: *const c_char,
    dtype: i32,
    rank: i32,
    shape: [i64; 6],
    max_length: i64,
}
#[repr(C)]
struct Array {
    name: *const c_char,
    dtype: i32,
    rank: i32,
    shape: [i64; 6],
    max_length: i64,
    data: *mut c_void, // and more
}
#[repr(C)]
struct Batch {
    struct_size: u32,
    status: i32,
    user_code: i64,
    capacity: i64,
    filled: i64,
    indices: *const i64, // and more
}
#[repr(C)]
struct Evaluation {
    struct_size: u32,
    reserved: u32,
    loss: f64,
    samples: i64,
    tokens: i64,
    seconds: f64,
}
type Handle = *mut c_void;
type Fetch = extern "C" fn(*mut c_void, *mut Batch);
#[link(name = "pretrain")]
extern "C" {
    fn pt_status_name(status: i32) -> *const c_char;
    fn pt_last_error() -> *const c_char;
    fn pt_context_last_error(context: Handle, buffer: *mut c_char, size: usize) -> usize;
    fn pt_graph_last_error(graph: Handle) -> *const c_char;
    fn pt_model_last_error(model: Handle) -> *const c_char;
    fn pt_context_create(options: *const c_void, out: *mut Handle) -> i32;
    fn pt_graph_create(context: Handle, out: *mut Handle) -> i32;
    fn pt_input(graph: Handle, name: *const c_char, dtype: i32, rank: i32, shape: *const i64) -> i32;
    fn pt_linear_layer(graph: Handle, name: *const c_char, src: i32, outputs: i64, activation: i32) -> i32;
    fn pt_mse_loss(graph: Handle, prediction: i32, target: i32, options: *const c_void) -> i32;
    fn pt_graph_set_loss(graph: Handle, loss: i32) -> i32;
    fn pt_model_create(context: Handle, graph: Handle, out: *mut Handle) -> i32;
    fn pt_optimizer_create(context: Handle, options: *const c_void, out: *mut Handle) -> i32;
    fn pt_dataset_create_map(
        context: Handle, fields: *const FieldSpec, n_fields: i32, field_size: u32, length: i64, flags: u32,
        fetch: Fetch, user: *mut c_void, destroy: Option<extern "C" fn(*mut c_void)>, out: *mut Handle,
    ) -> i32;
    fn pt_batch_field(batch: *const Batch, name: *const c_char) -> *mut Array;
    fn pt_pretrain(model: Handle, optimizer: Handle, data: Handle, options: *const c_void, result: *mut c_void) -> i32;
    fn pt_evaluate(model: Handle, data: Handle, batch: i64, result: *mut Evaluation) -> i32;
    fn pt_context_free(handle: Handle);
    fn pt_graph_free(handle: Handle);
    fn pt_model_free(handle: Handle);
    fn pt_optimizer_free(handle: Handle);
    fn pt_dataset_free(handle: Handle);
}

extern "C" fn fetch(_user: *mut c_void, batch: *mut Batch) {
    // A panic must not pass the library: the status stays "failed", and the stage ends.
    let _ = std::panic::catch_unwind(|| unsafe {
        let batch = &mut *batch;
        let n = batch.capacity as usize;
        let field = |name: &[u8]| (*pt_batch_field(batch, name.as_ptr().cast())).data as *mut f32;
        let x = std::slice::from_raw_parts_mut(field(b"x\0"), 4 * n);
        let y = std::slice::from_raw_parts_mut(field(b"y\0"), n);
        for (i, index) in std::slice::from_raw_parts(batch.indices, n).iter().enumerate() {
            for j in 0..4 {
                x[4 * i + j] = ((index * 7919 + j as i64 * 104729) % 1009) as f32 / 504.0 - 1.0;
            }
            y[i] = x[4 * i..4 * i + 4].iter().sum();
        }
        batch.filled = batch.capacity;
        batch.status = 0;
    });
}

// The message stands with the handle that the call was on, so that it does not matter which thread asks for it.
unsafe fn check(status: i32, message: *const c_char) {
    if status != 0 {
        let text = |message| CStr::from_ptr(message).to_string_lossy().into_owned();
        panic!("{}: {}", text(pt_status_name(status)), text(message));
    }
}

// A call which makes no handle leaves it on the context.
unsafe fn check_made(status: i32, context: Handle) {
    let mut message = [0; 1024];
    pt_context_last_error(context, message.as_mut_ptr(), message.len());
    check(status, message.as_ptr());
}

fn main() {
    let (x, y, layer) = (b"x\0".as_ptr().cast(), b"y\0".as_ptr().cast(), b"linear\0".as_ptr().cast());
    let field = |name, size| FieldSpec { name, dtype: FLOAT32, rank: 1, shape: [size, 0, 0, 0, 0, 0], max_length: 0 };
    let (mut context, mut graph, mut model, mut optimizer, mut data) =
        (null_mut(), null_mut(), null_mut(), null_mut(), null_mut());
    let mut result = Evaluation { struct_size: 40, reserved: 0, loss: 0.0, samples: 0, tokens: 0, seconds: 0.0 };
    unsafe {
        check(pt_context_create(null(), &mut context), pt_last_error());
        check_made(pt_graph_create(context, &mut graph), context);
        let input = pt_input(graph, x, FLOAT32, 2, [DIM_BATCH, 4].as_ptr());
        let wanted = pt_input(graph, y, FLOAT32, 2, [DIM_BATCH, 1].as_ptr());
        let sum = pt_linear_layer(graph, layer, input, 1, 0);
        check(pt_graph_set_loss(graph, pt_mse_loss(graph, sum, wanted, null())), pt_graph_last_error(graph));
        check_made(pt_model_create(context, graph, &mut model), context);
        check_made(pt_optimizer_create(context, null(), &mut optimizer), context); // AdamW, learning rate 0.001
        let (fields, size) = ([field(x, 4), field(y, 1)], size_of::<FieldSpec>() as u32);
        let made =
            pt_dataset_create_map(context, fields.as_ptr(), 2, size, 20000, 0, fetch, null_mut(), None, &mut data);
        check_made(made, context);
        // one epoch in batches of 8
        check(pt_pretrain(model, optimizer, data, null(), null_mut()), pt_model_last_error(model));
        check(pt_evaluate(model, data, 100, &mut result), pt_model_last_error(model));
        pt_dataset_free(data);
        pt_optimizer_free(optimizer);
        pt_model_free(model);
        pt_graph_free(graph);
        pt_context_free(context);
    }
    println!("loss {} on {} samples", result.loss, result.samples);
    assert!(result.loss < 0.01);
}
