"""libpretrain from Python, through ctypes. One file; NumPy is used where it is there, and not needed.

    import pretrain
    context = pretrain.Context(seed=1)
    model = context.model({"model_type": "gpt2", "vocab_size": 256, "n_positions": 64, "n_embd": 64, "n_layer": 2,
    "n_head": 2}) model.pretrain(context.optimizer(learning_rate=1e-3), context.text("book.txt", length=64), steps=200,
                   event=lambda e: print(e.step, e.loss))
    print(model.generate(b"The ", count=100, temperature=0.8))

The shared library is the file that the environment variable PRETRAIN_LIBRARY names, else libpretrain.so where the
system's loader finds it. Constants, structs and signatures come from pretrain.json, which is installed with it; the
constants stand here without their PT_, the structs without pt_ and _t (pretrain.TrainOptions). Options of the C
interface are keyword arguments under their C names. A failure raises pretrain.Error with the library's message. An
exception raised in a callback, Ctrl-C's KeyboardInterrupt included, ends the call that ran the callback at once and is
raised again from there; weights then stand at the last completed step. Ctrl-C is seen at the next event (event_every, 1
by default). What is not wrapped here can be called as pretrain.library.pt_...
"""

import array
import ctypes
import ctypes.util
import json
import os
import struct
import sys
import threading
from ctypes import POINTER, c_char_p, c_double, c_float, c_int32, c_int64, c_size_t, c_uint32, c_uint64, c_void_p

# ---- The library, and the description of its interface that is installed with it -------------------------------------


def _find_library():
    named = os.environ.get("PRETRAIN_LIBRARY")
    tried = (
        [named]
        if named
        else [
            "libpretrain.so",
            "libpretrain.so.0.1",
            ctypes.util.find_library("pretrain"),
            "/usr/local/lib/libpretrain.so",
        ]
    )
    failures = []
    for name in filter(None, tried):
        try:
            return ctypes.CDLL(name)
        except OSError as error:
            failures.append(str(error))
    raise ImportError("libpretrain is not found; set PRETRAIN_LIBRARY to its file (%s)" % "; ".join(failures))


def _file_of(function):
    """The file of the loaded library that has this function."""
    place = (c_char_p * 4)()  # the system's Dl_info: four pointers, the first to the file's name
    if not ctypes.CDLL(None).dladdr(ctypes.cast(function, c_void_p), place):
        raise ImportError("the system does not tell which file libpretrain was loaded from; set PRETRAIN_DESCRIPTION")
    return os.path.realpath(os.fsdecode(place[0]))


def _read_description():
    """pretrain.json, by PRETRAIN_DESCRIPTION, or of the installation or the build that the library is of."""
    tried = [os.environ.get("PRETRAIN_DESCRIPTION")]
    if not tried[0]:
        folder, tried = os.path.dirname(_file_of(library.pt_version)), []
        for _ in range(3):  # lib, or lib/x86_64-linux-gnu
            folder = os.path.dirname(folder)
            tried += [os.path.join(folder, "share", "libpretrain", "pretrain.json"),
                      os.path.join(folder, "pretrain.json")]
    for path in tried:
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                return json.load(file)
    raise ImportError("libpretrain's description is not found; set PRETRAIN_DESCRIPTION to its file (%s)" %
                      ", ".join(tried))


library = _find_library()
_described = _read_description()

# Constants under their C names without PT_: OK, ERR_..., FLOAT32, ...
globals().update((name[len("PT_"):], value) for name, value in _described["constants"].items())

_NUMBERS = {
    "int32_t": c_int32,
    "uint32_t": c_uint32,
    "int64_t": c_int64,
    "uint64_t": c_uint64,
    "float": c_float,
    "double": c_double,
    "size_t": c_size_t,
    "void": None,
}
STRUCTS = {}  # by their C names; each also stands here without pt_ and _t: ContextOptions, TrainResult


def _kind(name):
    """The ctypes type of a C type. Pointers are addresses, but for strings that are only read."""
    name = _described["types"].get(name, name)
    if name == "const char *":
        return c_char_p
    if name.endswith("*") or name.endswith(")") or name in _described["callbacks"]:
        return c_void_p
    return STRUCTS[name] if name in STRUCTS else _NUMBERS[name]


for _name, _struct in _described["structs"].items():
    _members = [
        (_field["name"], _kind(_field["type"]) * _field["elements"] if "elements" in _field else _kind(_field["type"]))
        for _field in _struct["fields"]
    ]
    _made = type(_name, (ctypes.Structure,), {"_fields_": _members, "__doc__": _struct["comment"]})
    if ctypes.sizeof(_made) != _struct["size"] or any(
        getattr(_made, _field["name"]).offset != _field["offset"] for _field in _struct["fields"]
    ):
        raise ImportError("libpretrain's description is of another processor: %s has another layout here" % _name)
    STRUCTS[_name] = globals()["".join(word.title() for word in _name.split("_")[1:-1])] = _made

for _name, _function in _described["functions"].items():
    getattr(library, _name).restype = _kind(_function["returns"])
    getattr(library, _name).argtypes = [_kind(_parameter["type"]) for _parameter in _function["parameters"]]

if _described["version"] != library.pt_version().decode():
    raise ImportError("libpretrain is %s, and its description of %s" %
                      (library.pt_version().decode(), _described["version"]))


def _callback_type(name):
    """The ctypes type of a callback; a struct that it is given is a pointer to it, not an address alone."""
    kinds = [_parameter["type"] for _parameter in _described["callbacks"][name]["parameters"]]
    kinds = [POINTER(STRUCTS[kind[:-2]]) if kind[:-2] in STRUCTS else _kind(kind) for kind in kinds]
    return ctypes.CFUNCTYPE(_kind(_described["callbacks"][name]["returns"]), *kinds)


_EventFunction = _callback_type("pt_event_fn")
_BatchFunction = _callback_type("pt_fetch_fn")
_RateFunction = _callback_type("pt_rate_fn")
_LogFunction = _callback_type("pt_log_fn")
_WriteFunction = _callback_type("pt_write_fn")
_ReadFunction = _callback_type("pt_read_fn")
_TokenFunction = _callback_type("pt_token_fn")


class Error(Exception):
    """A call that failed: .status is one of ERR_..., the text is the library's message."""

    def __init__(self, status, message):
        super().__init__("%s: %s" % (library.pt_status_name(status).decode(), message))
        self.status = status


def _check(status):
    if status != OK:
        raise Error(status, library.pt_last_error().decode("utf-8", "replace"))


def _encoded(value):
    return os.fsencode(value) if isinstance(value, (str, os.PathLike)) else value


def _options(kind, values):
    """An options struct with its defaults and then `values`; an unknown name is a TypeError."""
    options = kind()
    name = kind.__name__[:-2] + "_init"
    initialize = getattr(library, name)
    _check(initialize(ctypes.byref(options), ctypes.sizeof(options)))
    known = [field for field, _ in kind._fields_]
    for key, value in values.items():
        if key not in known:
            raise TypeError("%s has no option %r; it has %s" % (kind.__name__, key, ", ".join(known[1:])))
        setattr(options, key, tuple(value) if isinstance(value, list) else value if value is None else _encoded(value))
    return options


def _result(kind):
    result = kind()
    result.struct_size = ctypes.sizeof(result)
    return result


def _generate_options(values):
    """The struct, and what it points to."""
    stops = [[stop] if isinstance(stop, int) or not _has_rows(stop) else stop for stop in values.pop("stops", ())]
    strings, tokenizer = [_encoded(string) for string in values.pop("stop_strings", ())], values.pop("tokenizer", None)
    options, kept = _options(GenerateOptions, values), [tokenizer]
    if stops:
        kept.append(_sequences(stops))
        options.stops, options.array_size = ctypes.addressof(kept[-1][0]), ctypes.sizeof(Array)
    if strings:
        kept.append((c_char_p * len(strings))(*strings))
        options.stop_strings, options.n_stop_strings = ctypes.addressof(kept[-1]), len(strings)
    if tokenizer is not None:
        options.tokenizer = tokenizer._as_parameter_
    return options, kept


# ---- Callbacks fail closed -------------------------------------------------------------------------------------------


class _Guard:
    """Runs the host's functions for one dataset or stage. A function that does not return normally leaves the struct's
    preset "failed" or "stop" as it is; the exception waits here for the end of the call."""

    def __init__(self):
        self.exception = None

    def run(self, function, *arguments):
        try:
            return True, function(*arguments)
        except BaseException as exception:  # KeyboardInterrupt and SystemExit too
            if self.exception is None:
                self.exception = exception
            return False, None

    def raise_kept(self):
        exception, self.exception = self.exception, None
        if exception is not None:
            raise exception


# Every call that can reach a host's callback goes through here. Ctrl-C is delivered where Python code runs next,
# which may be a callback's first instruction, before the guard's try: then ctypes would print and drop it. It is
# caught there too.
def _guarded(call, guards):
    for guard in guards:
        guard.exception = None
    escaped, hook = [], None

    def keep(unraisable):
        if isinstance(unraisable.exc_value, KeyboardInterrupt):
            escaped.append(unraisable.exc_value)
        else:
            hook(unraisable)

    if threading.current_thread() is threading.main_thread():  # the one that Ctrl-C interrupts
        hook, sys.unraisablehook = sys.unraisablehook, keep
    try:
        status = call()
    finally:
        if hook:
            sys.unraisablehook = hook
    message = library.pt_last_error().decode("utf-8", "replace")
    for guard in guards:
        guard.raise_kept()
    if escaped:
        raise escaped[0]
    if status != OK:
        raise Error(status, message)


# ---- Files that stand elsewhere --------------------------------------------------------------------------------------


def _load_from(place, call, **values):
    """call(path, options) for a path, bytes, or a file object."""
    if isinstance(place, (str, os.PathLike)):
        return _check(call(os.fsencode(place), ctypes.byref(_options(LoadOptions, values))))
    if hasattr(place, "read"):
        guard = _Guard()

        def read(_, pointer):
            def fill(piece):
                place.seek(start + piece.offset)
                given = place.read(piece.bytes)
                ctypes.memmove(piece.data, given, len(given))
                piece.filled = len(given)

            if guard.run(fill, pointer.contents)[0]:
                pointer.contents.status = OK

        start, function = place.tell(), _ReadFunction(read)
        values.update(bytes=place.seek(0, os.SEEK_END) - start, read=ctypes.cast(function, c_void_p))
        return _guarded(lambda: call(None, ctypes.byref(_options(LoadOptions, values))), [guard])
    data = bytes(place)
    if values.get("flags", 0) & LOAD_MAPPED:
        raise ValueError("mapped needs a path: Python's bytes may end before the model")
    values.update(data=ctypes.cast(data, c_void_p), bytes=len(data))
    _check(call(None, ctypes.byref(_options(LoadOptions, values))))


def _save_to(place, call, **values):
    if isinstance(place, (str, os.PathLike)):
        return _check(call(os.fsencode(place), ctypes.byref(_options(SaveOptions, values))))
    pieces, guard = [], _Guard()
    take = pieces.append if place is None else place.write

    def write(_, pointer):
        piece = pointer.contents
        if guard.run(lambda: take(ctypes.string_at(piece.data, piece.bytes)))[0]:
            piece.status = OK

    function = _WriteFunction(write)
    values.update(write=ctypes.cast(function, c_void_p))
    _guarded(lambda: call(None, ctypes.byref(_options(SaveOptions, values))), [guard])
    return b"".join(pieces) if place is None else None


_LETTERS = {
    FLOAT32: "f",
    FLOAT64: "d",
    INT8: "b",
    INT16: "h",
    INT32: "i",
    INT64: "q",
    UINT8: "B",
    UINT16: "H",
    UINT32: "I",
    UINT64: "Q",
    BOOL: "B",
}
_KINDS = {"?": "bool", **dict.fromkeys("efd", "float"), **dict.fromkeys("bhilqn", "signed"),
          **dict.fromkeys("BHILQNc", "unsigned")}  # letters of the struct module


def _is_buffer(values):
    return isinstance(values, (bytes, bytearray, memoryview, array.array)) or hasattr(values, "__array_interface__")


def _has_rows(values):
    return getattr(values, "shape", (1,)) != ()  # not a scalar of NumPy's


def _from_buffer(values, dtype):
    """_flat of bytes, an array.array or a NumPy array, whatever its byte order and strides."""
    if hasattr(values, "__array_interface__"):
        try:
            view = memoryview(values)
        except (ValueError, BufferError) as error:
            raise TypeError("an array of %s holds no numbers: %s" % (getattr(values, "dtype", "?"), error)) from None
    else:
        view = memoryview(values)
    kind, order = view.format[-1:], view.format[:-1]  # sizes by itemsize: "l" has two
    found = {
        "float": {2: FLOAT16, 4: FLOAT32, 8: FLOAT64},
        "signed": {1: INT8, 2: INT16, 4: INT32, 8: INT64},
        "unsigned": {1: UINT8, 2: UINT16, 4: UINT32, 8: UINT64},
        "bool": {1: BOOL},
    }[_KINDS.get(kind, "bool")].get(view.itemsize)
    if kind not in _KINDS or order not in ("", "@", "=", "<", ">", "!") or found is None:
        raise TypeError("elements of the kind %r are none that the library knows" % view.format)
    foreign = order in {"little": (">", "!"), "big": ("<",)}[sys.byteorder] and view.itemsize > 1
    wanted = dtype or (FLOAT32 if found == FLOAT16 else found)
    if view.nbytes == 0:
        return array.array(_LETTERS[wanted]), wanted, view.shape
    if foreign or wanted != found:
        word = "%s%d%s" % (order if foreign else "=", view.nbytes // view.itemsize, _LETTERS.get(found, "e"))
        return _array_of(struct.unpack(word, view.tobytes()), wanted), wanted, view.shape
    if not view.c_contiguous:
        return array.array(_LETTERS[found], view.tobytes()), found, view.shape
    return view, found, view.shape


def _array_of(numbers, dtype):
    """An array.array of them; where one does not fit, an exception that says which."""
    letter = _LETTERS[dtype]
    try:
        return array.array(letter, numbers)
    except (TypeError, OverflowError):
        for place, number in enumerate(numbers):
            try:
                array.array(letter, [number])
            except (TypeError, OverflowError) as error:
                kind, what = type(error), "element %d, %r, does not fit the field: %s" % (place, number, error)
                raise kind(what) from None
        raise


def _plain(values):
    """Lists as they are, NumPy's scalars as numbers, and whatever has elements as a list of them."""
    if isinstance(values, (list, tuple, bool, int, float)):
        return values
    if isinstance(values, (bytes, bytearray)):
        return list(values)
    if hasattr(values, "tolist"):
        return values.tolist()
    for method, convert in (("__index__", int), ("__float__", float)):
        if hasattr(values, method):
            return convert(values)
    raise TypeError("%r is no number, and no list, bytes or array of numbers" % (values,))


def _flat(values, dtype=None):
    """(array.array or contiguous buffer, dtype, shape) of nested lists, bytes, an array.array or a NumPy array. Without
    a dtype lists of whole numbers are int64 and others float32; half precision becomes float32."""
    if _is_buffer(values):
        return _from_buffer(values, dtype)
    level, shape = [_plain(values)], []
    while any(isinstance(item, (list, tuple)) for item in level):
        sizes = {len(item) if isinstance(item, (list, tuple)) else -1 for item in level}
        if len(sizes) != 1:
            raise ValueError(
                "rows of different lengths: %s" % ", ".join("a number" if n < 0 else str(n) for n in sorted(sizes))
            )
        shape.append(sizes.pop())
        level = [_plain(item) for part in level for item in part]
    dtype = dtype or (FLOAT32 if any(isinstance(item, float) for item in level) else INT64)
    return _array_of(level, dtype), dtype, tuple(shape)


def _common_dtype(parts):
    """What holds the numbers of all: their dtype where it is one, else float64, float32 or int64."""
    kinds = {dtype for data, dtype, shape in parts if len(memoryview(data))} or {parts[0][1] if parts else INT64}
    if len(kinds) == 1:
        return kinds.pop()
    return FLOAT64 if FLOAT64 in kinds else FLOAT32 if FLOAT32 in kinds else INT64


def _ragged(values, dtype=None, row=None):
    """(bytes, dtype, lengths, shape of a row) of one sequence a sample, all brought to one dtype; `row`: the shape that
    each must have."""
    parts = [_flat(value, dtype) for value in values]
    dtype = dtype or _common_dtype(parts)
    for place, (_, found, shape) in enumerate(parts):
        if not shape:
            raise ValueError("sample %d is a number, expected a sequence of rows" % place)
        row = shape[1:] if row is None and shape[0] else row
        if shape[0] and shape[1:] != row:
            raise ValueError(
                "sample %d has rows of the shape %s, expected %s" % (place, list(shape[1:]), list(row))
            )
        if found != dtype:
            parts[place] = _flat(values[place], dtype)
    data = b"".join(memoryview(data).tobytes() for data, _, _ in parts)
    return data, dtype, [shape[0] for _, _, shape in parts], row or ()


def _address(buffer):
    """(address, bytes, what must stay alive) of a buffer, writable or not."""
    view = memoryview(buffer)
    if view.nbytes == 0:
        return 0, 0, buffer
    view = view.cast("B")
    if view.readonly:
        copy = ctypes.create_string_buffer(view.tobytes(), view.nbytes)
        return ctypes.addressof(copy), view.nbytes, copy
    held = (ctypes.c_char * view.nbytes).from_buffer(view)
    return ctypes.addressof(held), view.nbytes, held


def _view(flat, dtype, shape, samples=1):
    """(pt_array_t, what must stay alive) of so many samples of this shape, or rows where it begins with DIM_TOKENS."""
    if len(shape) > MAX_RANK:
        raise ValueError("%d dimensions, at most %d are possible" % (len(shape), MAX_RANK))
    address, _, held = _address(flat)
    for size in shape:
        samples *= 1 if size == DIM_TOKENS else size
    return Array(dtype=dtype, rank=len(shape), shape=(c_int64 * MAX_RANK)(*shape), data=address,
                 elements=samples), held


def _array(values, dtype=None):
    """The same of a tensor as a whole."""
    flat, dtype, shape = _flat(values, dtype)
    return _view(flat, dtype, shape)


def _sequences(samples):
    """(pt_array_t of one sequence of numbers a sample, what must stay alive)."""
    data, dtype, given, row = _ragged(samples)
    view, held = _view(data, dtype, (DIM_TOKENS, *row), sum(given))
    lengths = (c_int64 * max(len(given), 1))(*given)
    view.lengths, view.samples, view.max_length = ctypes.addressof(lengths), len(given), max(given, default=0)
    return view, (held, lengths)


def _read(call, lengths=None):
    """What call(array) gives, as an array.array of the dtype that it has: asked first for the room that it takes.
    Lengths of ragged results go into the list `lengths`, where that is not None."""
    asked = Array()
    call(asked)
    dtype = asked.dtype if asked.dtype in _LETTERS else FLOAT32
    values = array.array(_LETTERS[dtype])
    values.frombytes(bytes(asked.elements * values.itemsize))
    rows = array.array("q", bytes(8 * asked.samples))
    view = Array(dtype=dtype, data=values.buffer_info()[0] if values else None, capacity=len(values))
    if lengths is not None and rows:
        view.lengths, view.lengths_capacity = rows.buffer_info()[0], len(rows)
    call(view)
    if lengths is not None:
        lengths[:] = rows
    return values[:view.elements]  # a text may be over before it has all that it has room for


def field(name, dtype=FLOAT32, shape=(), max_length=0):
    """A field of a dataset: shape is one sample's; max_length > 0 makes it ragged, with DIM_TOKENS rows of `shape`
    each."""
    shape = ((DIM_TOKENS,) if max_length else ()) + tuple(shape)
    return FieldSpec(_encoded(name), dtype, len(shape), (c_int64 * MAX_RANK)(*shape), max_length)


def _fields(samples):
    """(pt_array_t of {name: (values of all samples, whether there is one sequence a sample)}, number of samples, what
    must stay alive)."""
    made, alive, count = (Array * len(samples))(), [], None
    for number, (name, (values, ragged)) in enumerate(samples.items()):
        if ragged:
            view, held = _sequences(values)
            rows, view.max_length = view.samples, max(view.max_length, 1)
        else:
            flat, dtype, shape = _flat(values)
            if not shape:
                raise ValueError("field %r is one number, expected a value for each sample" % name)
            rows = shape[0]
            view, held = _view(flat, dtype, shape[1:], rows)
        if count not in (None, rows):
            raise ValueError("field %r has %d samples, the others have %d" % (name, rows, count))
        view.name, count = _encoded(name), rows
        made[number] = view
        alive += [held, view]
    return made, count or 0, alive


def _write_batch(batch, samples):
    """Copies {name: [a value for each sample]} into the batch's buffers, with their bounds checked."""
    filled = None
    for number in range(batch.n_fields):
        spec = Array.from_address(batch.fields + number * batch.field_size)
        name = spec.name.decode()
        if name not in samples:
            raise KeyError("the callback gave no field %r" % name)
        values = samples[name]
        count = len(values)
        if filled not in (None, count) or count > batch.capacity:
            raise ValueError("field %r has %d samples; %d were asked for" % (name, count, batch.capacity))
        filled = count
        if spec.lengths:
            data, _, lengths, _ = _ragged(values, spec.dtype, tuple(spec.shape[1:spec.rank]))
            ctypes.memmove(spec.lengths, (c_int64 * max(count, 1))(*lengths), 8 * count)
            size = struct.calcsize(_LETTERS[spec.dtype])
        else:
            flat = memoryview(_flat(values, spec.dtype)[0] if count else array.array("b"))
            data, size, row = flat.tobytes(), flat.itemsize, 1
            for length in spec.shape[:spec.rank]:
                row *= length
            if len(data) != count * row * size:
                raise ValueError("field %r: %d values for %d samples of %d" % (name, len(data) // size, count, row))
        if len(data) > spec.capacity * size:
            raise ValueError(
                "field %r: %d values do not fit into the %d that there is room for"
                % (name, len(data) // size, spec.capacity)
            )
        ctypes.memmove(spec.data, data, len(data))
    batch.filled = filled or 0


def _read_batch(batch):
    """{name: [a value for each sample]} of a map's inputs: numbers, or an array.array of a sample's elements."""
    samples = {}
    for number in range(batch.n_inputs):
        spec = Array.from_address(batch.inputs + number * batch.field_size)
        values = array.array(_LETTERS[spec.dtype])
        values.frombytes(ctypes.string_at(spec.data, spec.elements * values.itemsize))
        row = 1
        for size in spec.shape[1 if spec.lengths else 0:spec.rank]:
            row *= size
        lengths = (
            ctypes.cast(spec.lengths, POINTER(c_int64))[: batch.capacity] if spec.lengths else [1] * batch.capacity
        )
        ends = [0]
        for length in lengths:
            ends.append(ends[-1] + length * row)
        parts = [values[begin:end] for begin, end in zip(ends, ends[1:])]
        samples[spec.name.decode()] = parts if spec.rank else [part[0] for part in parts]
    return samples


# ---- Handles ---------------------------------------------------------------------------------------------------------


class _Handle:
    _as_parameter_ = None

    def __init__(self, pointer, free, *kept):
        self._as_parameter_ = c_void_p(pointer) if isinstance(pointer, int) else pointer
        self._free, self._kept = free, list(kept)

    def free(self):
        """Releases the handle now; else Python does when nothing refers to it any more."""
        pointer, self._as_parameter_ = self._as_parameter_, None
        if pointer:
            self._free(pointer)

    __del__ = free


def _create(function, *arguments):
    out = c_void_p()
    _check(function(*arguments, ctypes.byref(out)))
    return out


class Context(_Handle):
    """Threads, memory, seed. Keyword arguments: those of pt_context_options_t; log=function(level, message)."""

    def __init__(self, log=None, **options):
        kept = []
        options = _options(ContextOptions, options)
        if log:
            kept.append(_LogFunction(lambda user, level, message: log(level, message.decode("utf-8", "replace"))))
            options.log = ctypes.cast(kept[0], c_void_p)
        super().__init__(_create(library.pt_context_create, ctypes.byref(options)), library.pt_context_free, *kept)

    peak_bytes = property(lambda self: library.pt_context_peak_bytes(self))
    description = property(lambda self: library.pt_context_describe(self).decode())

    def graph(self):
        return Graph(self)

    def model(self, config, task=None, **task_options):
        """A model of a Graph, or of a known family from its configuration (a dict, JSON text, or a config.json
        file)."""
        if isinstance(config, Graph):
            model = Model(self, _create(library.pt_model_create, self, config))
        else:
            if isinstance(config, os.PathLike) or (isinstance(config, str) and not config.lstrip().startswith("{")):
                with open(config, "rb") as file:
                    config = file.read()
            text = json.dumps(config).encode() if isinstance(config, dict) else _encoded(config)
            model = Model(self, _create(library.pt_model_create_from_config, self, text, len(text)))
        if task is not None:
            model.set_task(task, **task_options)
        return model

    def open(self, place, mapped=False):
        """A model from what Model.save or a checkpoint wrote: family, task and weights. place: a path, the bytes
        themselves, or a file object that can seek. mapped needs a path."""
        out = c_void_p()
        _load_from(
            place,
            lambda path, options: library.pt_model_open(self, path, options, ctypes.byref(out)),
            flags=LOAD_MAPPED if mapped else 0,
        )
        return Model(self, out)

    def tokenizer(self, place):
        """A Tokenizer from a file of any kind, or a directory that holds one. place: as of open."""
        out = c_void_p()
        _load_from(place, lambda path, options: library.pt_tokenizer_open(self, path, options, ctypes.byref(out)))
        return Tokenizer(self, out)

    def alphabet(self, characters, delimiter=None, **options):
        """A Tokenizer whose tokens are these characters. delimiter: the one that stands for a blank; further options of
        pt_alphabet_options_t."""
        kept = _encoded(delimiter)
        made = _options(AlphabetOptions, options)
        made.delimiter = kept
        return Tokenizer(
            self, _create(library.pt_tokenizer_from_characters, self, characters.encode(), ctypes.byref(made))
        )

    def optimizer(self, schedule=None, groups=(), **options):
        """Options of pt_optimizer_options_t; schedule=dict(kind=..., ...) or function(step) -> factor;
        groups=[(pattern, dict)]."""
        options = _options(OptimizerOptions, options)
        optimizer = Optimizer(self, _create(library.pt_optimizer_create, self, ctypes.byref(options)))
        for pattern, values in groups:
            _check(
                library.pt_optimizer_add_group(
                    optimizer, _encoded(pattern), ctypes.byref(_options(GroupOptions, values))
                )
            )
        if schedule is not None:
            optimizer.set_schedule(schedule)
        return optimizer

    def text(self, path, **window):
        """Windows of a text file's bytes; options of pt_window_options_t."""
        return Dataset(
            self,
            _create(
                library.pt_dataset_create_from_text, self, _encoded(path), ctypes.byref(_options(WindowOptions, window))
            ),
        )

    def tokens(self, path, **window):
        return Dataset(
            self,
            _create(
                library.pt_dataset_create_from_tokens,
                self,
                _encoded(path),
                ctypes.byref(_options(WindowOptions, window)),
            ),
        )

    def _table(self, function, path, columns, options):
        made, lists = (Column * len(columns))(), []
        for column, (name, source, kind, *more) in zip(made, columns):
            column.field, column.kind = _encoded(name), kind
            if isinstance(source, (list, tuple)):
                lists.append((c_char_p * len(source))(*map(_encoded, source)))
                column.sources, column.count = ctypes.cast(lists[-1], c_void_p), len(source)
            else:
                column.source = _encoded(source)
                setattr(column, "count" if kind == COLUMN_NUMBER else "max_length", more[0] if more else 0)
            if len(more) > 1 and more[1] is not None:
                column.flags, column.missing = COLUMN_FILL, more[1]
        separator = options.get("separator", 0)
        if isinstance(separator, str):
            options = dict(options, separator=ord(separator))
        made_options = ctypes.byref(_options(TableOptions, options))
        return Dataset(
            self, _create(function, self, _encoded(path), made, len(made), ctypes.sizeof(Column), made_options)
        )

    def jsonl(self, path, columns):
        """columns: (field, key, COLUMN_..., longest text or number of values, value for missing numbers); the last two
        may be left out. In place of a key a list of keys, one a value."""
        return self._table(library.pt_dataset_create_from_jsonl, path, columns, {})

    def csv(self, path, columns, **options):
        """columns as of jsonl, headings in place of keys; options of pt_table_options_t."""
        return self._table(library.pt_dataset_create_from_csv, path, columns, options)

    def images(self, path, **options):
        """Pictures in folders, IDX or CIFAR files; options of pt_image_options_t."""
        made = ctypes.byref(_options(ImageOptions, options))
        return Dataset(self, _create(library.pt_dataset_create_from_images, self, _encoded(path), made))

    def audio(self, path, **options):
        """Recordings in folders or listed by manifests; options of pt_audio_options_t."""
        tokenizer = options.pop("tokenizer", None)
        made = _options(AudioOptions, options)
        if tokenizer is not None:
            made.tokenizer = tokenizer._as_parameter_
        return Dataset(self, _create(library.pt_dataset_create_from_audio, self, _encoded(path), ctypes.byref(made)))

    def arrays(self, samples, ragged=()):
        """{name: values of all samples}: nested lists, array.array or NumPy. Names in `ragged`: a list with one
        sequence a sample."""
        made, count, _alive = _fields({name: (values, name in ragged) for name, values in samples.items()})
        return Dataset(self, _create(library.pt_dataset_create_from_arrays, self, made, len(made),
                                     ctypes.sizeof(Array), count, DATASET_COPY))

    def map(self, fields, length, fetch):
        """fields: [field(...)]; fetch(indices) -> {name: [value for each index]}."""
        guard = _Guard()

        def fill(_, pointer):
            batch = pointer.contents
            indices = ctypes.cast(batch.indices, POINTER(c_int64))[:batch.capacity]
            if guard.run(lambda: _write_batch(batch, fetch(indices)))[0]:
                batch.status = OK

        return self._from_callback(
            guard,
            fields,
            fill,
            lambda made, function: (library.pt_dataset_create_map, self, made, len(made), ctypes.sizeof(FieldSpec),
                                    length, 0, function),
        )

    def stream(self, fields, next):
        """next(capacity, position) -> {name: [at most capacity values]}, or None when the pass is over."""
        guard = _Guard()

        def fill(_, pointer):
            batch = pointer.contents
            done, samples = guard.run(lambda: next(batch.capacity, batch.position))
            if done and samples is not None:
                done, _ = guard.run(lambda: _write_batch(batch, samples))
            if done:
                batch.status = END if samples is None else OK

        return self._from_callback(
            guard,
            fields,
            fill,
            lambda made, function: (library.pt_dataset_create_stream, self, made, len(made),
                                    ctypes.sizeof(FieldSpec), 0, function),
        )

    def _from_callback(self, guard, fields, fill, call):
        made, function = (FieldSpec * len(fields))(*fields), _BatchFunction(fill)
        create, *arguments = call(made, ctypes.cast(function, c_void_p))
        return Dataset(self, _create(create, *arguments, None, None), [guard], function)


class Tokenizer(_Handle):
    """Text to tokens and back; Context.tokenizer opens one."""

    def __init__(self, context, pointer):
        super().__init__(pointer, library.pt_tokenizer_free, context)

    def __len__(self):
        """The largest id + 1."""
        return library.pt_tokenizer_size(self)

    def id(self, token):
        """-1: there is no such token."""
        return library.pt_tokenizer_id(self, token.encode())

    def token(self, id):
        """As its file writes it; None for an id that is no token's."""
        token = library.pt_tokenizer_token(self, id)
        return None if token is None else token.decode()

    def kinds(self):
        """TOKEN_... of each token, a list: what the task TASK_MASKED_LM takes as token_kinds."""
        size = ctypes.sizeof(Array)
        return _read(lambda view: _check(library.pt_tokenizer_kinds(self, ctypes.byref(view), size))).tolist()

    def encode(self, texts, plain=False, spans=False, pad=False, overflow=False):
        """Ids, a list, of one text (str or UTF-8 bytes) or pair (a tuple of two), or a list of such lists of a list of
        texts. spans=True: (ids, spans, segments) in place of ids; spans are [begin, end) in bytes of UTF-8. pad=True:
        padded as the file says, and a tuple with the mask at its end, 0 for padding. plain=True: without the tokens
        that the file puts around texts. overflow=True: in place of each text's result a list, behind the first the
        results of what the file's truncation cuts off."""
        if not isinstance(texts, list):
            return self.encode([texts], plain, spans, pad, overflow)[0]
        pairs = [text if isinstance(text, tuple) else (text, None) for text in texts]
        kept = [[part.encode() if isinstance(part, str) else part for part in pair] for pair in pairs]
        given = (Text * max(len(kept), 1))(
            *(Text(text=text, bytes=len(text), pair=pair, pair_bytes=len(pair or b"")) for text, pair in kept)
        )
        dtypes = {"ids": INT32, "sources": INT64}
        dtypes.update({"spans": UINT32, "segments": UINT8} if spans else {})
        dtypes.update({"mask": UINT8} if pad else {})
        views = {name: Array(dtype=dtype) for name, dtype in dtypes.items()}
        flags = (TOKENIZE_PLAIN if plain else 0) | (TOKENIZE_PAD if pad else 0)
        asked = {"flags": flags | (TOKENIZE_OVERFLOW if overflow else 0)}
        asked.update((name, ctypes.addressof(views[name])) for name in ("mask", "sources") if name in views)
        options = _options(TokenizeOptions, asked)

        def call():
            places = [ctypes.byref(views[name]) if name in views else None for name in ("ids", "spans", "segments")]
            size = ctypes.sizeof(Array)
            _check(
                library.pt_tokenizer_encode(
                    self, given, ctypes.sizeof(Text), len(kept), ctypes.byref(options), *places, size
                )
            )

        call()  # asks for the room that it takes
        values = {name: array.array(_LETTERS[dtype]) for name, dtype in dtypes.items()}
        for name, view in views.items():
            values[name].frombytes(bytes(view.elements * values[name].itemsize))
            view.data, view.capacity = values[name].buffer_info()[0] if values[name] else None, view.elements
        lengths = array.array("q", bytes(8 * max(views["ids"].samples, 1)))
        views["ids"].lengths, views["ids"].lengths_capacity = lengths.buffer_info()[0], len(lengths)
        call()
        made, at = [[] for _ in kept], 0
        for source, length in zip(values["sources"], lengths):
            parts = [values["ids"][at : at + length].tolist()]
            if spans:
                bounds = values["spans"][2 * at : 2 * (at + length)].tolist()
                parts += [list(zip(bounds[::2], bounds[1::2])), values["segments"][at : at + length].tolist()]
            if pad:
                parts.append(values["mask"][at : at + length].tolist())
            made[source].append(tuple(parts) if len(parts) > 1 else parts[0])
            at += length
        return made if overflow else [encodings[0] for encodings in made]

    def decode(self, ids, special=False):
        """The text of ids; special=True: special tokens are written too."""
        if len(ids) == 0:
            return ""
        view, _held = _array(ids, None if _is_buffer(ids) else INT64)
        size, flags = c_size_t(), DECODE_SPECIAL if special else 0

        def call(buffer):
            _check(
                library.pt_tokenizer_decode(
                    self, ctypes.byref(view), ctypes.sizeof(view), flags, buffer, size.value, ctypes.byref(size)
                )
            )

        call(None)
        size.value += 1
        buffer = ctypes.create_string_buffer(size.value)
        call(buffer)
        return buffer.raw[: size.value].decode()

    def chat(self, messages):
        """(text, stop): a conversation, [(role, text)] with the roles "system", "user" and "assistant", as the model's
        chat template writes it up to where the next answer begins, to be encoded with plain=True; and the id of the
        token that ends an answer, -1: none."""
        given = (Message * max(len(messages), 1))(
            *(Message(role=role.encode(), text=text.encode()) for role, text in messages)
        )
        stop, length = c_int32(-1), c_size_t()

        def call(buffer, size):
            _check(
                library.pt_tokenizer_chat(
                    self,
                    given,
                    ctypes.sizeof(Message),
                    len(messages),
                    ctypes.byref(stop),
                    buffer,
                    size,
                    ctypes.byref(length),
                )
            )

        call(None, 0)
        buffer = ctypes.create_string_buffer(length.value + 1)
        call(buffer, len(buffer))
        return buffer.value.decode(), stop.value

    def save(self, place=None):
        """Writes a tokenizer.json to a path or a file object; without one gives its bytes."""
        return _save_to(place, lambda path, options: library.pt_tokenizer_save(self, path, options))

    def recognizer(self, hot_words={}, **options):
        """A Recognizer of these tokens; hot_words {word: weight}, and options of pt_recognizer_options_t."""
        return Recognizer(self, hot_words, options)

    def decoder(self, special=False):
        """Text of ids as they come: a Decoder."""
        return Decoder(self, special)


class Recognizer(_Handle):
    """Texts of a recognition model's "log_probabilities"; Tokenizer.recognizer makes one."""

    def __init__(self, tokenizer, hot_words, options):
        made = _options(RecognizerOptions, options)
        kept = (HotWord * max(len(hot_words), 1))(
            *(HotWord(word=word.encode(), weight=weight) for word, weight in hot_words.items())
        )
        made.hot_words, made.hot_word_size = ctypes.addressof(kept), ctypes.sizeof(HotWord)
        made.n_hot_words = len(hot_words)
        pointer = _create(library.pt_recognizer_create, tokenizer, ctypes.byref(made))
        super().__init__(pointer, library.pt_recognizer_free, tokenizer)

    def __len__(self):
        """How many texts there are."""
        return library.pt_recognizer_count(self)

    def push(self, rows):
        """Hears further rows of logarithms of probabilities, a flat sequence or a buffer of them."""
        view, _held = _array(rows)
        _check(library.pt_recognizer_push(self, ctypes.byref(view), ctypes.sizeof(view)))

    def finish(self):
        """The text ends; gives the best one."""
        _check(library.pt_recognizer_finish(self))
        return self.text()

    def text(self, rank=0):
        return self.scored(rank)[0]

    def scored(self, rank=0):
        """(text, score)"""
        length, score = c_size_t(), c_double()
        _check(library.pt_recognizer_text(self, rank, None, 0, ctypes.byref(length), ctypes.byref(score)))
        buffer = ctypes.create_string_buffer(length.value + 1)
        _check(library.pt_recognizer_text(self, rank, buffer, len(buffer), ctypes.byref(length), None))
        return buffer.value.decode(), score.value

    def words(self, rank=0):
        """[(word, first row, row behind the last)]"""
        count, size, text = c_int64(), ctypes.sizeof(SpokenWord), self.text(rank).encode()
        _check(library.pt_recognizer_words(self, rank, None, size, 0, ctypes.byref(count)))
        found = (SpokenWord * max(count.value, 1))()
        _check(library.pt_recognizer_words(self, rank, found, size, count.value, ctypes.byref(count)))
        return [(text[word.begin : word.end].decode(), word.first_row, word.end_row) for word in found[: count.value]]


class Decoder(_Handle):
    """What add and finish give, put end to end, is what Tokenizer.decode gives of all ids."""

    def __init__(self, tokenizer, special=False):
        pointer = _create(library.pt_decoder_create, tokenizer, DECODE_SPECIAL if special else 0)
        super().__init__(pointer, library.pt_decoder_free, tokenizer)

    def add(self, ids):
        """The text that is certain now."""
        if len(ids) > 0:
            view, _held = _array(ids, None if _is_buffer(ids) else INT64)
            _check(
                library.pt_decoder_add(self, ctypes.byref(view), ctypes.sizeof(view), None, 0, ctypes.byref(c_size_t()))
            )
        return self._text(lambda *place: library.pt_decoder_add(self, None, 0, *place))

    def finish(self):
        """The rest of the text; the next ids begin another."""
        return self._text(lambda *place: library.pt_decoder_finish(self, *place))

    def _text(self, call):
        size = c_size_t()
        _check(call(None, 0, ctypes.byref(size)))
        buffer = ctypes.create_string_buffer(size.value + 1)
        _check(call(buffer, len(buffer), ctypes.byref(size)))
        return buffer.raw[: size.value].decode()


class Graph(_Handle):
    """A network being described: every builder call of pretrain.h without its pt_ prefix and first argument, returning
    a tensor's number: graph.linear_layer("first", x, 32, ACTIVATION_RELU). Sizes are given as lists, options by
    name; None stands for no tensor."""

    def __init__(self, context):
        super().__init__(_create(library.pt_graph_create, context), library.pt_graph_free, context)

    def input(self, name, dtype, *shape):
        return library.pt_input(self, _encoded(name), dtype, len(shape), (c_int64 * len(shape))(*shape))

    def parameter(self, name, shape, initializer=INIT_CONSTANT, value=0.0, values=None, frozen=False):
        """A tensor that learns, drawn by the initializer or from `values`: nested lists or a NumPy array."""
        return self._stored(library.pt_parameter, name, shape, initializer, value, values, frozen)

    def state(self, name, shape, value=0.0, values=None, frozen=False):
        """A tensor that runs update: a running statistic."""
        return self._stored(library.pt_state, name, shape, INIT_CONSTANT, value, values, frozen)

    def _stored(self, function, name, shape, initializer, value, values, frozen):
        options = _options(ParameterOptions, {"initializer": initializer, "value": value})
        options.flags = PARAMETER_FROZEN if frozen else 0
        if values is not None:
            view, _held = _array(values)
            options.values, options.array_size = ctypes.addressof(view), ctypes.sizeof(view)
        return function(self, _encoded(name), len(shape), (c_int64 * len(shape))(*shape), ctypes.byref(options))

    def constant(self, values, dtype=FLOAT32):
        """A fixed tensor of float32 or int32: nested lists or a NumPy array."""
        view, _held = _array(values, dtype)
        return library.pt_constant(self, dtype, ctypes.byref(view), ctypes.sizeof(view))

    def reshape(self, src, shape):
        return library.pt_reshape(self, src, len(shape), (c_int64 * max(len(shape), 1))(*shape))

    def transpose(self, src, permutation):
        return library.pt_transpose(self, src, (c_int32 * max(len(permutation), 1))(*permutation))

    def split(self, src, dimension, parts):
        """The parts of one dimension: how many equal ones, or a list of their lengths."""
        count = parts if isinstance(parts, int) else len(parts)
        lengths = None if isinstance(parts, int) else (c_int64 * max(count, 1))(*parts)
        tensors = (c_int32 * max(count, 1))()
        library.pt_split(self, src, dimension, count, lengths, tensors)
        return list(tensors[:count])

    def concat(self, sources, dimension):
        return library.pt_concat(self, (c_int32 * max(len(sources), 1))(*sources), len(sources), dimension)

    def shape(self, tensor):
        sizes = (c_int64 * MAX_RANK)()
        rank = library.pt_graph_shape(self, tensor, sizes)
        if rank < 0:
            raise Error(ERR_ARGUMENT, "the graph has no tensor %d" % tensor)
        return tuple(sizes[:rank])

    def attention(self, query, key=None, value=None, **options):
        """attention(query, key, value, heads=...), or attention(qkv, heads=...) from one packed tensor."""
        options = ctypes.byref(_options(AttentionOptions, options))
        if key is None:
            return library.pt_attention_packed(self, query, options)
        return library.pt_attention(self, query, key, value, options)

    def convolution(self, src, weight, bias=None, **options):
        """convolution(src, weight, bias, stride=(2, 2), padding=(1, 1, 1, 1)): above, below, left, right."""
        options = _options(ConvolutionOptions, options)
        return library.pt_convolution(self, src, weight, bias or NO_TENSOR, ctypes.byref(options))

    def convolution_transposed(self, src, weight, bias=None, **options):
        options = _options(ConvolutionOptions, options)
        return library.pt_convolution_transposed(self, src, weight, bias or NO_TENSOR, ctypes.byref(options))

    def convolution_layer(self, name, src, outputs, height, width=1, **options):
        options = _options(ConvolutionOptions, options)
        return library.pt_convolution_layer(self, _encoded(name), src, outputs, height, width, ctypes.byref(options))

    def rotary(self, src, frequencies=None, long_frequencies=None, **options):
        """Rotary positions: rotary(src, heads=..., limit=...); the frequencies are lists of numbers."""
        options = _options(RotaryOptions, options)
        held = [(c_double * len(given))(*given) if given is not None else None
                for given in (frequencies, long_frequencies)]
        options.frequencies, options.long_frequencies = (ctypes.addressof(own) if own else None for own in held)
        return library.pt_rotary(self, src, ctypes.byref(options))

    @staticmethod
    def _directions(forward, reverse):
        """Weights of each direction, given by their names: dict(weight_ih=..., weight_hh=...)."""
        return [ctypes.byref(_options(RecurrentWeights, given)) if given else None for given in (forward, reverse)]

    def gru(self, src, forward, reverse=None, initial=None):
        """gru(src, dict(weight_ih=..., ...), dict(...) of a second direction): of all rows, and at samples' ends."""
        last = c_int32()
        dst = library.pt_gru(self, src, *self._directions(forward, reverse), initial or NO_TENSOR, ctypes.byref(last))
        return dst, last.value

    def lstm(self, src, forward, reverse=None, initial=(None, None)):
        """As gru; states are pairs, of hidden values and of cells."""
        hidden, cell = c_int32(), c_int32()
        states = [state or NO_TENSOR for state in initial]
        dst = library.pt_lstm(self, src, *self._directions(forward, reverse), *states, ctypes.byref(hidden),
                              ctypes.byref(cell))
        return dst, (hidden.value, cell.value)

    def rnn(self, src, forward, reverse=None, activation=None, initial=None):
        last = c_int32()
        activation = ACTIVATION_TANH if activation is None else activation
        dst = library.pt_rnn(self, src, *self._directions(forward, reverse), activation, initial or NO_TENSOR,
                             ctypes.byref(last))
        return dst, last.value

    def max_pool(self, src, size, **options):
        """The largest of each window: max_pool(src, (2, 2), stride=(2, 2)); of rows (size, 1)."""
        return library.pt_max_pool(self, src, ctypes.byref(_options(PoolOptions, dict(options, size=size))))

    def average_pool(self, src, size, **options):
        return library.pt_average_pool(self, src, ctypes.byref(_options(PoolOptions, dict(options, size=size))))

    def pad(self, src, padding, mode=PAD_CONSTANT, value=0.0):
        """padding: pixels at the top, the bottom, the left and the right; of rows before, behind, 0, 0."""
        return library.pt_pad(self, src, (c_int64 * 4)(*padding), mode, value)

    def mse_loss(self, prediction, target, **options):
        return library.pt_mse_loss(self, prediction, target, ctypes.byref(_options(LossOptions, options)))

    def l1_loss(self, prediction, target, **options):
        return library.pt_l1_loss(self, prediction, target, ctypes.byref(_options(LossOptions, options)))

    def huber_loss(self, prediction, target, delta=1.0, **options):
        return library.pt_huber_loss(self, prediction, target, delta, ctypes.byref(_options(LossOptions, options)))

    def bce_loss(self, logits, target, positive_weight=1.0, **options):
        return library.pt_bce_loss(self, logits, target, positive_weight, ctypes.byref(_options(LossOptions, options)))

    def cross_entropy_loss(self, logits, target, **options):
        return library.pt_cross_entropy_loss(self, logits, target, ctypes.byref(_options(CrossEntropyOptions, options)))

    def linear_cross_entropy_loss(self, src, weight, bias, target, **options):
        return library.pt_linear_cross_entropy_loss(
            self, src, weight, bias, target, ctypes.byref(_options(CrossEntropyOptions, options))
        )

    def ctc_loss(self, logits, targets, **options):
        return library.pt_ctc_loss(self, logits, targets, ctypes.byref(_options(CtcOptions, options)))

    def output(self, name, tensor):
        _check(library.pt_graph_set_output(self, _encoded(name), tensor))

    def loss(self, tensor):
        _check(library.pt_graph_set_loss(self, tensor))

    def metric(self, name, value=NO_TENSOR, target=NO_TENSOR):
        """One of the library's: metric("accuracy", logits, labels)."""
        _check(library.pt_graph_set_metric(self, _encoded(name), value, target))

    def metric_ratio(self, name, numerator, denominator=NO_TENSOR, direction=METRIC_HIGHER):
        _check(library.pt_graph_set_metric_ratio(self, _encoded(name), numerator, denominator, direction))

    def __getattr__(self, name):
        if name.startswith("_") or not hasattr(library, "pt_" + name):
            raise AttributeError(name)
        function = getattr(library, "pt_" + name)
        return lambda *arguments: function(
            self, *[NO_TENSOR if argument is None else _encoded(argument) for argument in arguments]
        )

    def __str__(self):
        return _text(lambda *arguments: library.pt_graph_print(self, *arguments))


def _text(call):
    length = c_size_t()
    _check(call(None, 0, ctypes.byref(length)))
    buffer = ctypes.create_string_buffer(length.value + 1)
    _check(call(buffer, len(buffer), ctypes.byref(length)))
    return buffer.value.decode("utf-8", "replace")


class Optimizer(_Handle):
    def __init__(self, context, pointer):
        super().__init__(pointer, library.pt_optimizer_free, context)
        self._guards = []

    steps = property(lambda self: library.pt_optimizer_steps(self))

    def set_schedule(self, schedule):
        guards, options = [], None
        if callable(schedule):
            guard = _Guard()

            def rate(_, pointer):
                done, factor = guard.run(lambda: float(schedule(pointer.contents.step)))
                if done:
                    pointer.contents.factor, pointer.contents.status = factor, OK

            function = _RateFunction(rate)
            guards = [guard]
            options = _options(
                ScheduleOptions, {"kind": SCHEDULE_CALLBACK, "callback": ctypes.cast(function, c_void_p)}
            )
            self._kept.append(function)
        else:
            options = _options(ScheduleOptions, schedule)
        _check(library.pt_optimizer_set_schedule(self, ctypes.byref(options)))
        self._guards = guards

    def set_learning_rate(self, learning_rate):
        _check(library.pt_optimizer_set_learning_rate(self, learning_rate))


class Dataset(_Handle):
    def __init__(self, context, pointer, guards=(), *kept):
        super().__init__(pointer, library.pt_dataset_free, context, *kept)
        self._context, self._guards = context, guards

    def __len__(self):
        length = library.pt_dataset_length(self)
        if length < 0:
            raise TypeError("a stream has no length")
        return length

    def classes(self, field="label"):
        return [library.pt_dataset_class_name(self, _encoded(field), i).decode("utf-8", "replace")
                for i in range(library.pt_dataset_class_count(self, _encoded(field)))]

    def normalize(self, model, field="features", **options):
        """Measures a field, and has the model normalise it from then on; options of pt_normalize_options_t."""
        made = ctypes.byref(_options(NormalizeOptions, options))
        _guarded(lambda: library.pt_dataset_normalize(self, _encoded(field), made, model), self._guards)

    def _view(self, pointer):
        return Dataset(self._context, pointer, self._guards, self)

    def subset(self, first, count):
        return self._view(_create(library.pt_dataset_subset, self, first, count))

    def select(self, indices):
        return self._view(
            _create(library.pt_dataset_select, self, (c_int64 * max(len(indices), 1))(*indices), len(indices))
        )

    def shuffle(self, seed):
        return self._view(_create(library.pt_dataset_shuffle, self, seed))

    def map(self, fields, make):
        """Samples made from these: make(samples, keys, epoch) -> {name: [value for each sample]}, samples being {name:
        [values]} and keys a random number for each, the same whenever the sample comes in this epoch."""
        guard = _Guard()

        def fill(_, pointer):
            batch = pointer.contents
            keys = [library.pt_batch_key(pointer, i) for i in range(batch.capacity)]
            if guard.run(lambda: _write_batch(batch, make(_read_batch(batch), keys, batch.epoch)))[0]:
                batch.status = OK

        made, function = (FieldSpec * len(fields))(*fields), _BatchFunction(fill)
        pointer = _create(library.pt_dataset_map, self, made, len(made), ctypes.sizeof(FieldSpec), 0,
                          ctypes.cast(function, c_void_p), None, None)
        return Dataset(self._context, pointer, [guard, *self._guards], self, function)

    def split(self, fraction, seed=0):
        first, second = c_void_p(), c_void_p()
        _check(library.pt_dataset_split(self, fraction, seed, ctypes.byref(first), ctypes.byref(second)))
        return self._view(first), self._view(second)


class Model(_Handle):
    def __init__(self, context, pointer):
        super().__init__(pointer, library.pt_model_free, context)

    def set_task(self, task, **options):
        """A task by its name, with its own options; None: none."""
        kinds = {
            TASK_CAUSAL_LM: CausalLmOptions,
            TASK_MASKED_LM: MaskedLmOptions,
            TASK_MASKED_FRAMES: MaskedFramesOptions,
            TASK_CONTRASTIVE: ContrastiveOptions,
            TASK_DATA2VEC: Data2VecOptions,
            TASK_EMBEDDING: EmbeddingOptions,
            TASK_CLASSIFICATION: ClassificationOptions,
            TASK_MULTI_LABEL: MultiLabelOptions,
            TASK_REGRESSION: RegressionOptions,
            TASK_RECOGNITION: RecognitionOptions,
        }
        class_weights, token_kinds = options.pop("class_weights", None), options.pop("token_kinds", None)
        chosen = None
        if task in kinds:
            chosen = _options(kinds[task], options)
        elif options:
            raise TypeError("task %r takes no options" % (task,))
        if class_weights is not None:
            if task != TASK_CLASSIFICATION:
                raise TypeError("task %r has no class_weights" % (task,))
            weights, _alive = _array(class_weights)
            chosen.class_weights, chosen.array_size = ctypes.addressof(weights), ctypes.sizeof(Array)
            chosen.classes = chosen.classes or len(class_weights)
        if token_kinds is not None:
            if task not in (TASK_MASKED_LM, TASK_RECOGNITION):
                raise TypeError("task %r has no token_kinds" % (task,))
            kinds, _kept = _array(token_kinds)
            chosen.token_kinds, chosen.array_size = ctypes.addressof(kinds), ctypes.sizeof(Array)
        _check(library.pt_model_set_task(self, _encoded(task), ctypes.byref(chosen) if chosen is not None else None))

    @property
    def class_names(self):
        """The names of the classes in the order of their numbers; [] where they have none."""
        return [library.pt_model_class_name(self, i).decode() for i in range(library.pt_model_class_count(self))]

    @class_names.setter
    def class_names(self, names):
        encoded = [name.encode() for name in names]
        if any(b"\0" in name for name in encoded):
            raise ValueError("a class name has a zero character in it")
        _check(library.pt_model_set_class_names(self, len(encoded), (c_char_p * max(len(encoded), 1))(*encoded)))

    def load(self, place, strict=False, mapped=False, names=None):
        """place: as Context.open's; names: a pattern of the tensors that are meant."""
        flags = (LOAD_STRICT if strict else 0) | (LOAD_MAPPED if mapped else 0)
        _load_from(place, lambda path, options: library.pt_model_load(self, path, options), flags=flags, names=names)

    def save(self, place=None, dtype=0, names=None, trained_only=False, format=0, shard_bytes=0):
        """place: a path, or a file object to write to; None gives the bytes. format: FORMAT_...; a directory is as
        Hugging Face's hub has them. shard_bytes: of tensors in one file at most; 0: one file."""
        return _save_to(
            place,
            lambda path, options: library.pt_model_save(self, path, options),
            dtype=dtype,
            format=format,
            names=names,
            flags=SAVE_TRAINED_ONLY if trained_only else 0,
            shard_bytes=shard_bytes,
        )

    def copy(self, source):
        _check(library.pt_model_copy(self, source))

    def share(self, context=None):
        """Another handle on the same tensors, for a thread of its own: give it a Context of its own too."""
        return Model(context or self._kept[0], _create(library.pt_model_share, context, self))

    def transfer(self):
        """{name: TRANSFER_...}: what the last set_task, load or copy did."""
        entries, name, kind = {}, c_char_p(), c_int32()
        for index in range(library.pt_model_transfer_count(self, 0)):
            _check(library.pt_model_transfer_entry(self, index, ctypes.byref(name), ctypes.byref(kind)))
            entries[name.value.decode()] = kind.value
        return entries

    def describe(self, what=DESCRIBE_SUMMARY):
        return _text(lambda *arguments: library.pt_model_describe(self, what, *arguments))

    def parameters(self):
        """{name: shape}."""
        info, shapes = _result(ParameterInfo), {}
        for index in range(library.pt_model_parameter_count(self)):
            _check(library.pt_model_parameter_info(self, index, ctypes.byref(info)))
            shapes[info.name.decode()] = tuple(info.shape[:info.rank])
        return shapes

    def stored(self):
        """{name: (dtype, bytes)}, as values are stored: ("float32", 16), or in a GGUF file's blocks ("q4_1", 20)."""
        info, types = _result(ParameterInfo), {}
        for index in range(library.pt_model_parameter_count(self)):
            _check(library.pt_model_parameter_info(self, index, ctypes.byref(info)))
            types[info.name.decode()] = (info.dtype_name.decode(), info.bytes)
        return types

    def _parameter(self, name):
        index = c_int64()
        _check(library.pt_model_parameter_find(self, _encoded(name), ctypes.byref(index)))
        return index.value

    def parameter(self, name):
        """A copy of a parameter's values, as array.array("f")."""
        index, info = self._parameter(name), _result(ParameterInfo)
        _check(library.pt_model_parameter_info(self, index, ctypes.byref(info)))
        values = array.array("f", bytes(4 * info.elements))
        view = Array(dtype=FLOAT32, data=values.buffer_info()[0], capacity=len(values))
        _check(library.pt_model_parameter_get(self, index, ctypes.byref(view), ctypes.sizeof(view)))
        return values

    def set_parameter(self, name, values):
        """Values of any dtype: a flat sequence, or one of the parameter's shape."""
        view, _held = _array(values)
        view.rank = view.rank if view.rank > 1 else 0
        _check(library.pt_model_parameter_set(self, self._parameter(name), ctypes.byref(view), ctypes.sizeof(view)))

    def set_trainable(self, pattern, trainable):
        _check(library.pt_model_set_trainable(self, _encoded(pattern), int(trainable), None))

    def cancel(self):
        library.pt_model_cancel(self)

    def _run(self, call, guards):
        _guarded(call, guards)

    def _stage(self, stage, optimizer, dataset, event, evaluation, options):
        guard, result = _Guard(), _result(TrainResult)
        options = _options(TrainOptions, options)

        def report(_, pointer):
            told = pointer.contents
            told.metrics = self.metrics() if told.kind == EVENT_EVALUATION else {}
            done, answer = guard.run(lambda: event(told) if event else None)
            if done and answer is not False:
                told.action = ACTION_GO_ON

        function = _EventFunction(report)
        options.event = ctypes.cast(function, c_void_p)
        if evaluation is not None:
            options.evaluation = evaluation._as_parameter_
        guards = [guard, *dataset._guards, *(evaluation._guards if evaluation is not None else ()), *optimizer._guards]
        self._run(lambda: stage(self, optimizer, dataset, ctypes.byref(options), ctypes.byref(result)), guards)
        return result

    def pretrain(self, optimizer, dataset, event=None, evaluation=None, **options):
        """Options of pt_train_options_t; event(Event) is called after every step, and stops the stage by returning
        False. An event of kind EVENT_EVALUATION has all values in .metrics."""
        return self._stage(library.pt_pretrain, optimizer, dataset, event, evaluation, options)

    def finetune(self, optimizer, dataset, event=None, evaluation=None, **options):
        return self._stage(library.pt_finetune, optimizer, dataset, event, evaluation, options)

    def evaluate(self, dataset, batch=0):
        """The loss, and in .metrics all values by name: evaluate(data).metrics["accuracy"]."""
        result = _result(Evaluation)
        self._run(lambda: library.pt_evaluate(self, dataset, batch, ctypes.byref(result)), dataset._guards)
        result.metrics = self.metrics()
        return result

    def metrics(self):
        """{name: value} of the last evaluation, the loss first."""
        info, values = _result(MetricInfo), {}
        for index in range(library.pt_model_metric_count(self)):
            _check(library.pt_model_metric_info(self, index, ctypes.byref(info)))
            values[info.name.decode("utf-8", "replace")] = info.value
        return values

    def predict(self, dataset, output=None, batch=0, lengths=None):
        """A named output for all samples, end to end, as an array.array; a list given as `lengths` gets the rows of
        each sample."""

        def call(view):
            self._run(lambda: library.pt_predict(self, dataset, _encoded(output), batch, ctypes.byref(view),
                                                 ctypes.sizeof(view)), dataset._guards)

        return _read(call, lengths)

    def generate(self, prompt, **options):
        """Continues bytes (gives bytes) or a list of token numbers (gives a list). stops: tokens, or sequences of them,
        after which it is over; stop_strings: texts before which it is, which takes a tokenizer."""
        options, _alive = _generate_options(options)
        given, _held = _array(prompt)
        made = _read(lambda view: _check(library.pt_generate(self, ctypes.byref(given), ctypes.byref(options),
                                                             ctypes.byref(view), ctypes.sizeof(view))))
        return bytes(made.tolist()) if isinstance(prompt, bytes) else made.tolist()

    def generator(self, **options):
        """Continues many prompts together: model.generator(temperature=0.8).run(prompts); options as of generate. With
        a tokenizer, texts come as text too: model.generator(tokenizer=tokenizer).stream(prompt)."""
        options, _alive = _generate_options(options)
        return Generator(self._kept[0], _create(library.pt_generator_create, self, ctypes.byref(options)))

    def _values(self, values):
        """pt_array_t for {name: values of all samples}, or {name: [one sequence a sample]} for a ragged field given as
        a list of bytes or arrays."""

        def is_ragged(given):
            return isinstance(given, (list, tuple)) and any(_is_buffer(part) and _has_rows(part) for part in given)

        return _fields({name: (given, is_ragged(given)) for name, given in values.items()})

    def train_step(self, optimizer, values, accumulate=False):
        made, samples, _alive = self._values(values)
        result = _result(StepResult)
        self._run(
            lambda: library.pt_train_step(
                self,
                optimizer,
                made,
                len(made),
                ctypes.sizeof(Array),
                samples,
                STEP_ACCUMULATE if accumulate else 0,
                ctypes.byref(result),
            ),
            optimizer._guards,
        )
        return result

    def forward(self, values, output=None, lengths=None):
        """A named output for these samples, as predict gives it."""
        made, samples, _alive = self._values(values)
        return _read(lambda view: _check(library.pt_forward(self, made, len(made), ctypes.sizeof(Array), samples,
                                                            _encoded(output), ctypes.byref(view))), lengths)

    def estimate(self, optimizer=None, samples=1, **rows):
        """What a training step costs; rows by dimension where fields are ragged: estimate(samples=4, tokens=256)."""
        estimate = _result(Estimate)
        stated = (DimRows * max(len(rows), 1))(*(DimRows(name.encode(), count) for name, count in rows.items()))
        _check(
            library.pt_model_estimate(
                self, optimizer, samples, stated, len(rows), ctypes.sizeof(DimRows), ctypes.byref(estimate)
            )
        )
        return estimate

    def save_checkpoint(self, place=None, optimizer=None, trained_only=False):
        """place: as save's."""
        return _save_to(
            place,
            lambda path, options: library.pt_checkpoint_save(self, optimizer, path, options),
            flags=SAVE_TRAINED_ONLY if trained_only else 0,
        )

    def load_checkpoint(self, place, optimizer=None):
        """place: as Context.open's."""
        _load_from(place, lambda path, options: library.pt_checkpoint_load(self, optimizer, path, options))


class Generator(_Handle):
    """Has the weights that the model had when it was made."""

    def __init__(self, context, pointer):
        super().__init__(pointer, library.pt_generator_free, context)

    def _begin(self, prompts):
        given, _alive = _sequences(prompts)
        _check(library.pt_generator_begin(self, ctypes.byref(given), ctypes.sizeof(given)))

    def run(self, prompts, token=None):
        """The new texts of prompts, each bytes or a list of token numbers. token(Token) is called for each one as it
        comes, and ends all texts by returning False. Of token.text, where there is a tokenizer, the first
        token.text_length bytes are this token's."""
        guard = _Guard()
        self._begin(prompts)

        def tell(_, pointer):
            done, answer = guard.run(token, pointer.contents)
            if done and answer is not False:
                pointer.contents.action = ACTION_GO_ON

        function = _TokenFunction(tell) if token else None
        _guarded(lambda: library.pt_generator_run(self, ctypes.cast(function, c_void_p), None), [guard])
        texts = [self.text(number)[0] for number in range(len(prompts))]
        return [bytes(text) if isinstance(prompt, bytes) else text for prompt, text in zip(prompts, texts)]

    def stream(self, prompt):
        """The text that a prompt, bytes or a list of token numbers, goes on with, piece by piece as it comes."""
        self._begin([prompt])
        live, told = c_int64(1), 0
        while live.value > 0:
            _check(library.pt_generator_step(self, ctypes.byref(live)))
            text = self.string(0)
            if len(text) > told:
                yield text[told:]
            told = len(text)

    def string(self, prompt):
        """The text of a prompt's new tokens, as far as it is certain."""
        length = c_size_t()
        _check(library.pt_generator_string(self, prompt, None, 0, ctypes.byref(length)))
        buffer = ctypes.create_string_buffer(length.value + 1)
        _check(library.pt_generator_string(self, prompt, buffer, len(buffer), ctypes.byref(length)))
        return buffer.value.decode()

    def cache_bytes(self):
        """What is kept of the present texts, so that a step reads new tokens only; 0: they are read anew."""
        return library.pt_generator_cache_bytes(self)

    def text(self, prompt):
        """(tokens, scores, reason) of a prompt's new text; reason GENERATED_..., 0: it is not over."""
        reason, size = c_int32(), ctypes.sizeof(Array)
        tokens = _read(lambda view: _check(library.pt_generator_text(self, prompt, ctypes.byref(view), None, size,
                                                                     ctypes.byref(reason))))
        scores = _read(lambda view: _check(library.pt_generator_text(self, prompt, None, ctypes.byref(view), size,
                                                                     None)))
        return tokens.tolist(), scores.tolist(), reason.value


_progress_shown = {}


def show_progress(event):
    """An event callback: one line that is drawn over on a terminal, else a line every ten seconds."""
    over, terminal = event.kind == EVENT_END, sys.stderr.isatty()
    if event.step <= 1:
        _progress_shown.clear()
    if not over and (
        event.kind != EVENT_STEP or event.seconds - _progress_shown.get("last", 0) < (0.1 if terminal else 10)
    ):
        return
    _progress_shown["last"] = event.seconds
    done = event.step / event.total_steps if event.total_steps else 0
    sys.stderr.write(
        "%s%-24s %3.0f%%  step %d/%d  loss %.4f%s"
        % (
            "\r" if terminal else "",
            "#" * int(24 * done),
            100 * done,
            event.step,
            event.total_steps,
            event.loss,
            "\n" if over or not terminal else "",
        )
    )
    sys.stderr.flush()
