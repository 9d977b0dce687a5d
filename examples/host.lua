-- A host in LuaJIT: a linear layer learns to add up its four inputs, from samples that a callback of Lua's makes. The
-- declarations are the header's own, read when the program starts.
--
--   luajit host.lua /usr/local/include/pretrain.h [libpretrain.so]
local ffi = require("ffi")
jit.off(true, true) -- what calls back into Lua must not be compiled
local header = assert(io.open(arg[1] or "/usr/local/include/pretrain.h")):read("*a")
header = header:gsub("/%*.-%*/", ""):gsub("#ifdef __cplusplus.-#endif", "")
ffi.cdef((header:gsub("#[^\n]*", ""):gsub("PT_API%s", "")))
local pt = ffi.load(arg[2] or "pretrain")

-- The message stands with the handle that the call was on: what other coroutines call meanwhile does not change it.
local function check(status, message)
    if status ~= pt.PT_OK then
        error(ffi.string(pt.pt_status_name(status)) .. ": " .. ffi.string(message), 2)
    end
end
local function last_of(context) -- of a call that made no handle; without a context yet, the thread's
    if context == nil then return pt.pt_last_error() end
    local message = ffi.new("char[1024]")
    pt.pt_context_last_error(context, message, 1024)
    return message
end
local function create(kind, call, ...) -- a handle that the collector frees
    local out = ffi.new("pt_" .. kind .. "_t *[1]")
    local arguments, count = {...}, select("#", ...) + 1
    arguments[count] = out
    check(call(unpack(arguments, 1, count)), last_of(arguments[1]))
    return ffi.gc(out[0], pt["pt_" .. kind .. "_free"])
end

local function fill(batch)
    local x = ffi.cast("float *", pt.pt_batch_field(batch, "x").data)
    local y = ffi.cast("float *", pt.pt_batch_field(batch, "y").data)
    for i = 0, tonumber(batch.capacity) - 1 do
        y[i] = 0
        for j = 0, 3 do
            x[4 * i + j] = (tonumber(batch.indices[i]) * 7919 + j * 104729) % 1009 / 504 - 1
            y[i] = y[i] + x[4 * i + j]
        end
    end
    batch.filled = batch.capacity
    batch.status = pt.PT_OK
end
local failure -- an error must not pass the library: the status stays "failed", and the stage ends
local fetch = ffi.cast("pt_fetch_fn", function(_, batch)
    local done, message = pcall(fill, batch)
    failure = failure or (not done and message)
end)

local context = create("context", pt.pt_context_create, nil)
local graph = create("graph", pt.pt_graph_create, context)
local sizes = ffi.new("int64_t[2][2]", {{pt.PT_DIM_BATCH, 4}, {pt.PT_DIM_BATCH, 1}})
local x = pt.pt_input(graph, "x", pt.PT_FLOAT32, 2, sizes[0])
local y = pt.pt_input(graph, "y", pt.PT_FLOAT32, 2, sizes[1])
local sum = pt.pt_linear_layer(graph, "linear", x, 1, pt.PT_ACTIVATION_NONE)
check(pt.pt_graph_set_loss(graph, pt.pt_mse_loss(graph, sum, y, nil)), pt.pt_graph_last_error(graph))
local model = create("model", pt.pt_model_create, context, graph)
local optimizer = create("optimizer", pt.pt_optimizer_create, context, nil) -- AdamW, learning rate 0.001
local fields = ffi.new("pt_field_spec_t[2]", {{"x", pt.PT_FLOAT32, 1, {4}}, {"y", pt.PT_FLOAT32, 1, {1}}})
local data = create("dataset", pt.pt_dataset_create_map, context, fields, 2,
    ffi.sizeof(fields[0]), 20000, 0, fetch, nil, nil)
local status = pt.pt_pretrain(model, optimizer, data, nil, nil) -- one epoch in batches of 8
if failure then error(failure) end
check(status, pt.pt_model_last_error(model))
local result = ffi.new("pt_evaluation_t", {struct_size = ffi.sizeof("pt_evaluation_t")})
check(pt.pt_evaluate(model, data, 100, result), pt.pt_model_last_error(model))
print(("loss %g after %d steps"):format(result.loss, tonumber(pt.pt_optimizer_steps(optimizer))))
os.exit(result.loss < 0.01 and 0 or 1, true)
