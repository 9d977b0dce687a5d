/* pretrain.hpp: the C interface of libpretrain for C++11 and later, as one page: handles that free themselves, options
 * that come initialised, failures as exceptions, callbacks as std::function. Copy it into your program and grow it
 * there.
 *
 * Every handle converts to its C pointer, so all of pretrain.h can be called with it, within pretrain::check(). */
#ifndef PRETRAIN_HPP
#define PRETRAIN_HPP

#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <pretrain.h>
#include <stdexcept>
#include <string>
#include <vector>

namespace pretrain
{

class error : public std::runtime_error
{
  public:
    error(pt_status_t code, const std::string &message) : std::runtime_error(message), status(code)
    {
    }
    const pt_status_t status; /* PT_ERR_... */
};

namespace detail
{

/* An exception that left a callback waits here until the call of the library that ran the callback has returned. */
inline std::exception_ptr &pending()
{
    static thread_local std::exception_ptr exception;
    return exception;
}

/* What the C calls accept as a callback: no exception may cross them, and what a callback did not finish stays
 * "failed". */
template <typename Function> bool guarded(Function function)
{
    try {
        function();
        return true;
    } catch (...) {
        pending() = std::current_exception();
        return false;
    }
}

inline void fetch(void *user, pt_batch_t *batch)
{
    bool done = guarded([&] { (*static_cast<std::function<void(pt_batch_t &)> *>(user))(*batch); });
    batch->status = done ? PT_OK : PT_ERR_CALLBACK;
}

inline void event(void *user, pt_event_t *event)
{
    guarded([&] {
        event->action = (*static_cast<std::function<bool(const pt_event_t &)> *>(user))(*event) ? PT_ACTION_GO_ON
                                                                                                : PT_ACTION_STOP;
    });
}

inline void destroy(void *user)
{
    delete static_cast<std::function<void(pt_batch_t &)> *>(user);
}

} // namespace detail

/* Throws what a callback threw, else an error with the library's message; does nothing for PT_OK. */
inline void check(pt_status_t status)
{
    std::exception_ptr exception;
    std::swap(exception, detail::pending());
    if (exception)
        std::rethrow_exception(exception);
    if (status != PT_OK)
        throw error(status, std::string(pt_status_name(status)) + ": " + pt_last_error());
}

/* Options with their defaults: auto train = pretrain::options(pt_train_options_init). */
template <typename Options> Options options(pt_status_t (*init)(Options *, uint32_t))
{
    Options value;
    check(init(&value, sizeof value));
    return value;
}

template <typename Handle, void (*Free)(Handle *)> class handle
{
  public:
    /* The creating call and its arguments but the last: handle(pt_graph_create, context). */
    template <typename Create, typename... Arguments>
    explicit handle(Create create, const Arguments &...arguments) : pointer(nullptr, Free)
    {
        Handle *made = nullptr;
        pt_status_t status = create(arguments..., &made);
        pointer.reset(made);
        check(status);
    }
    operator Handle *() const
    {
        return pointer.get();
    }

  private:
    std::unique_ptr<Handle, void (*)(Handle *)> pointer;
};

using context = handle<pt_context_t, pt_context_free>;
using graph = handle<pt_graph_t, pt_graph_free>;
using model = handle<pt_model_t, pt_model_free>;
using optimizer = handle<pt_optimizer_t, pt_optimizer_free>;
using dataset = handle<pt_dataset_t, pt_dataset_free>;

/* A dataset whose samples a function of the host fills in; what it throws ends the training and comes out of it. */
inline dataset map_dataset(pt_context_t *owner, const std::vector<pt_field_spec_t> &fields, int64_t length,
                           std::function<void(pt_batch_t &)> fill)
{
    std::unique_ptr<std::function<void(pt_batch_t &)>> user(new std::function<void(pt_batch_t &)>(std::move(fill)));
    dataset made(pt_dataset_create_map, owner, fields.data(), static_cast<int32_t>(fields.size()),
                 static_cast<uint32_t>(sizeof(pt_field_spec_t)), length, 0u, detail::fetch,
                 static_cast<void *>(user.get()), detail::destroy);
    user.release(); /* the dataset destroys it */
    return made;
}

/* What a field's values are moved and scaled by, one number a feature: (value - shift) / scale. */
struct normalization {
    std::vector<double> shift, scale;
};

namespace detail
{

inline pt_array_t view(std::vector<double> &numbers)
{
    pt_array_t made = {};
    made.dtype = PT_FLOAT64;
    made.data = numbers.data();
    made.capacity = made.elements = static_cast<int64_t>(numbers.size());
    return made;
}

} // namespace detail

/* Measures a field on the training data; from then on the model takes raw values. */
inline void normalize(pt_dataset_t *data, const char *field, pt_model_t *network,
                      const pt_normalize_options_t &how = options(pt_normalize_options_init))
{
    check(pt_dataset_normalize(data, field, &how, network));
}

/* The same with what the host has measured. */
inline void set_normalization(pt_model_t *network, const char *field, normalization measured)
{
    pt_array_t shift = detail::view(measured.shift), scale = detail::view(measured.scale);
    check(pt_model_set_normalization(network, field, &shift, &scale, static_cast<uint32_t>(sizeof shift)));
}

/* What the model does with a field; PT_ERR_NOT_FOUND where it leaves its values as they are. */
inline normalization get_normalization(const pt_model_t *network, const char *field)
{
    normalization found;
    pt_array_t asked = {};
    const uint32_t size = static_cast<uint32_t>(sizeof asked);
    check(pt_model_normalization(network, field, &asked, nullptr, size));
    found.shift.resize(static_cast<size_t>(asked.elements));
    found.scale.resize(found.shift.size());
    pt_array_t shift = detail::view(found.shift), scale = detail::view(found.scale);
    check(pt_model_normalization(network, field, &shift, &scale, size));
    return found;
}

using stage = pt_status_t (*)(pt_model_t *, pt_optimizer_t *, pt_dataset_t *, const pt_train_options_t *,
                              pt_train_result_t *);

/* Runs pt_pretrain or pt_finetune. go_on sees every event and says whether to go on; what it throws ends the training.
 */
inline pt_train_result_t run(stage call, pt_model_t *network, pt_optimizer_t *rule, pt_dataset_t *data,
                             pt_train_options_t train = options(pt_train_options_init),
                             std::function<bool(const pt_event_t &)> go_on = nullptr)
{
    pt_train_result_t result = {};
    result.struct_size = sizeof result;
    if (go_on) {
        train.event = detail::event;
        train.event_user = &go_on;
    }
    check(call(network, rule, data, &train, &result));
    return result;
}

} // namespace pretrain

#endif
