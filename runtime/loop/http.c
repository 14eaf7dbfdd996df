#include "loop/http_internal.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
    IN_FLIGHT_DEFAULT = 64,
    QUEUE_DEFAULT = 10000,
    STREAMS_DEFAULT = 80,  /* below the 100 that API servers allow */
    CONNECTIONS_KEPT = 80, /* all that HTTP/1.1 needs for them and the watches: TLS begins dearly */
    PATIENT_SHARE = 16,    /* of this many that leave, one may be patient */
    POLICY_CONNECTIONS_KEPT = 16 /* policies ask many hosts, each seldom */
};

static struct http *from_base(const struct transport *transport)
{
    return (struct http *)transport;
}

static void list_add(struct http_list *list, struct http_call *call)
{
    call->list = list;
    call->next = NULL;
    call->prev = list->last;
    if (list->last)
        list->last->next = call;
    else
        list->first = call;
    list->last = call;
}

static void list_remove(struct http_call *call)
{
    struct http_list *list = call->list;
    if (call->prev)
        call->prev->next = call->next;
    else
        list->first = call->next;
    if (call->next)
        call->next->prev = call->prev;
    else
        list->last = call->prev;
    call->list = NULL;
}

static void call_free(struct http_call *call)
{
    struct http_request *request = &call->request;
    http_easy_close(call);
    free((char *)request->method);
    free((char *)request->url);
    free((char *)request->proxy);
    free((void *)request->body);
    http_headers_free((struct http_header *)request->headers, request->header_count);
    http_tls_unref(request->tls);
    buf_deinit(&call->body);
    free(call);
}

static void work_schedule(struct http *http);

/* Takes the call out of curl, the lists and the loop. Not inside one of curl's callbacks. */
static void call_detach(struct http_call *call)
{
    struct http_multi *lane = call->lane;
    struct http *http = lane->http;
    loop_timer_cancel(http->loop, call->timeout_timer);
    loop_timer_cancel(http->loop, call->resume_timer);
    call->timeout_timer = call->resume_timer = NULL;
    if (call->state == HTTP_CALL_QUEUED) {
        if (!call->is_exempt)
            lane->queued--;
    } else {
        if (!call->is_ended)
            http_easy_forsake(call);
        curl_multi_remove_handle(lane->multi, call->easy);
        if (!call->is_exempt)
            lane->in_flight--;
        if (lane->queue.first || lane->patient.first)
            work_schedule(http);
    }
    list_remove(call);
    if (call->state != HTTP_CALL_DOOMED)
        http->pending--;
    call->state = HTTP_CALL_DONE;
}

/* Ends a call; err NULL is success. */
static void call_finish(struct http_call *call, const struct err *err)
{
    call_detach(call);
    struct http_response response = http_easy_response(call);
    call->callbacks.on_done(call->arg, err ? NULL : &response, err);
    call_free(call);
}

static void call_ended(struct http_call *call, CURLcode code)
{
    if (call->state == HTTP_CALL_DOOMED) {
        call_detach(call);
        call_free(call);
    } else if (code == CURLE_OK) {
        call_finish(call, NULL);
    } else {
        struct err err = {0};
        http_easy_error(call, (int)code, &err);
        call_finish(call, &err);
    }
}

static void call_timed_out(void *arg)
{
    struct http_call *call = arg;
    struct err err = {0};
    char *title = http_call_title(call);
    call->timeout_timer = NULL;
    err_set(&err, ERR_TIMEOUT, "%s: no answer within %lld ms", title,
            (long long)call->request.timeout_ms);
    free(title);
    call_finish(call, &err);
}

static void lane_drain(struct http_multi *lane)
{
    int left;
    CURLMsg *message;
    while ((message = curl_multi_info_read(lane->multi, &left))) {
        if (message->msg != CURLMSG_DONE)
            continue;
        CURLcode code = message->data.result; /* the message goes when the handle is removed */
        char *private = NULL;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &private);
        struct http_call *call = (struct http_call *)(void *)private;
        call->is_ended = true;
        call_ended(call, code);
    }
}

static void fd_ready(void *arg, int fd, unsigned events)
{
    struct http_multi *lane = arg;
    int running, mask = 0;
    if (events & LOOP_READ)
        mask |= CURL_CSELECT_IN;
    if (events & LOOP_WRITE)
        mask |= CURL_CSELECT_OUT;
    curl_multi_socket_action(lane->multi, fd, mask, &running);
    lane_drain(lane);
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg)
{
    struct http_multi *lane = arg;
    (void)easy;
    (void)socket_arg;
    unsigned events = 0;
    if (what == CURL_POLL_REMOVE) {
        loop_fd_remove(lane->http->loop, fd);
        return 0;
    }
    if (what & CURL_POLL_IN)
        events |= LOOP_READ;
    if (what & CURL_POLL_OUT)
        events |= LOOP_WRITE;
    return loop_fd_set(lane->http->loop, fd, events, fd_ready, lane, NULL);
}

static void timer_due(void *arg)
{
    struct http_multi *lane = arg;
    int running;
    lane->timer = NULL;
    curl_multi_socket_action(lane->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    lane_drain(lane);
}

static int on_timer(CURLM *multi, long timeout_ms, void *arg)
{
    struct http_multi *lane = arg;
    struct loop *loop = lane->http->loop;
    (void)multi;
    loop_timer_cancel(loop, lane->timer);
    lane->timer = NULL;
    if (timeout_ms >= 0) /* curl counts in the kernel's time, whatever our clock does */
        lane->timer = loop_timer_add_ns(
            loop, clock_from_kernel_ns(loop_clock(loop), (int64_t)timeout_ms * 1000000), timer_due,
            lane);
    return 0;
}

static void call_admit(struct http_call *call)
{
    struct http_multi *lane = call->lane;
    struct err err = {0};
    if (http_easy_open(call, &err) != 0) {
        call_finish(call, &err);
        return;
    }
    CURLMcode code = curl_multi_add_handle(lane->multi, call->easy);
    if (code != CURLM_OK) {
        err_set(&err, ERR_INTERNAL, "start a request: %s", curl_multi_strerror(code));
        call_finish(call, &err);
        return;
    }
    list_remove(call);
    list_add(&lane->active, call);
    call->state = HTTP_CALL_ACTIVE;
    if (call->is_exempt)
        return;
    lane->queued--;
    lane->in_flight++;
}

/* Who leaves next. The patient wait for the others, but not for ever. */
static struct http_call *lane_next(struct http_multi *lane)
{
    struct http_call *first = lane->queue.first, *patient = lane->patient.first;
    bool is_calm = !first && lane->in_flight <= lane->http->in_flight_max / 4;
    if (patient && (is_calm || lane->passed + 1 >= PATIENT_SHARE)) {
        lane->passed = 0;
        return patient;
    }
    lane->passed += patient && first ? 1 : 0;
    return first;
}

static void lane_work(struct http_multi *lane)
{
    for (struct http_call *call = lane->active.first, *next; call; call = next) {
        next = call->next;
        if (call->state == HTTP_CALL_DOOMED)
            call_ended(call, CURLE_OK);
    }
    while (lane->exempt.first)
        call_admit(lane->exempt.first);
    struct http_call *next = NULL;
    while (lane->in_flight < lane->http->in_flight_max && (next = lane_next(lane)) != NULL)
        call_admit(next);
}

static void work_due(void *arg)
{
    struct http *http = arg;
    http->work_timer = NULL;
    for (size_t i = 0; i < HTTP_LANE_COUNT; i++)
        lane_work(&http->lanes[i]);
}

static void work_schedule(struct http *http)
{
    if (!http->work_timer)
        http->work_timer = loop_defer(http->loop, work_due, http);
}

static void call_resumes(void *arg)
{
    struct http_call *call = arg;
    struct http_multi *lane = call->lane;
    call->resume_timer = NULL;
    if (call->state != HTTP_CALL_ACTIVE || call->is_paused)
        return;
    /* This delivers what curl kept, and unlike a transfer it does not end the call on failure. */
    CURLcode code = curl_easy_pause(call->easy, CURLPAUSE_CONT);
    if (code != CURLE_OK)
        call_ended(call, code);
    lane_drain(lane);
}

static void request_copy(struct http_request *to, const struct http_request *from)
{
    *to = *from;
    to->method = mem_str(from->method);
    to->url = mem_str(from->url);
    to->proxy = mem_str(from->proxy);
    to->headers = http_headers_dup(from->headers, from->header_count);
    to->body = from->body_len > 0 ? mem_strn(from->body, from->body_len) : NULL;
    to->tls = http_tls_ref(from->tls);
}

static struct http_call *on_start(struct transport *self, const struct http_request *request,
                                  const struct http_callbacks *callbacks, void *arg,
                                  struct err *err)
{
    struct http *http = from_base(self);
    if (strncasecmp(request->url, "http://", 7) != 0 &&
        strncasecmp(request->url, "https://", 8) != 0) {
        err_set(err, ERR_INVALID, "send request: `%s` must begin with http:// or https://",
                request->url);
        return NULL;
    }
    struct http_multi *lane = &http->lanes[request->lane];
    bool is_exempt = request->stream || request->lane == HTTP_LANE_LEASE;
    if (!is_exempt && lane->queued >= http->queue_max) {
        err_set(err, ERR_LIMIT, "send request: %zu are waiting already", lane->queued);
        return NULL;
    }
    struct http_call *call = mem_alloc(sizeof *call);
    call->lane = lane;
    call->callbacks = *callbacks;
    call->arg = arg;
    call->is_exempt = is_exempt;
    request_copy(&call->request, request);
    buf_init(&call->body,
             request->body_bytes_max > 0 ? request->body_bytes_max : HTTP_BODY_BYTES_DEFAULT);
    if (request->timeout_ms > 0)
        call->timeout_timer = loop_timer_add(http->loop, request->timeout_ms, call_timed_out, call);
    list_add(is_exempt ? &lane->exempt : request->is_patient ? &lane->patient : &lane->queue, call);
    if (!is_exempt)
        lane->queued++;
    http->pending++;
    work_schedule(http);
    return call;
}

static void on_cancel(struct transport *self, struct http_call *call)
{
    struct http *http = from_base(self);
    if (call->state == HTTP_CALL_DOOMED || call->state == HTTP_CALL_DONE)
        return;
    if (call->state == HTTP_CALL_ACTIVE && http->in_callback > 0) {
        loop_timer_cancel(http->loop, call->timeout_timer);
        call->timeout_timer = NULL;
        call->state = HTTP_CALL_DOOMED;
        http->pending--;
        work_schedule(http);
        return;
    }
    call_detach(call);
    call_free(call);
}

static void on_pause(struct transport *self, struct http_call *call, bool paused)
{
    call->is_paused = paused; /* takes effect with the next piece */
    if (!paused && call->state == HTTP_CALL_ACTIVE && !call->resume_timer)
        call->resume_timer = loop_defer(from_base(self)->loop, call_resumes, call);
}

static size_t on_pending(const struct transport *self)
{
    return from_base(self)->pending;
}

static void list_cancel(struct http_list *list)
{
    while (list->first) {
        struct http_call *call = list->first;
        call_detach(call);
        call_free(call);
    }
}

static void on_free(struct transport *self)
{
    struct http *http = from_base(self);
    for (size_t i = 0; i < HTTP_LANE_COUNT; i++) {
        struct http_multi *lane = &http->lanes[i];
        list_cancel(&lane->exempt);
        list_cancel(&lane->queue);
        list_cancel(&lane->active);
        if (lane->multi)
            curl_multi_cleanup(lane->multi);
        loop_timer_cancel(http->loop, lane->timer);
    }
    loop_timer_cancel(http->loop, http->work_timer);
    free(http->user_agent);
    free(http);
    curl_global_cleanup();
}

static const struct transport_ops ops = {
    .start = on_start,
    .cancel = on_cancel,
    .free = on_free,
    .pending = on_pending,
    .pause = on_pause,
};

static int lane_init(struct http_multi *lane, struct http *http, long streams, long kept)
{
    lane->http = http;
    lane->multi = curl_multi_init();
    if (!lane->multi)
        return -1;
    CURLM *multi = lane->multi;
    return curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket) ||
                   curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, lane) ||
                   curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer) ||
                   curl_multi_setopt(multi, CURLMOPT_TIMERDATA, lane) ||
                   curl_multi_setopt(multi, CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX) ||
                   curl_multi_setopt(multi, CURLMOPT_MAX_CONCURRENT_STREAMS, streams) ||
                   curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, kept)
               ? -1
               : 0;
}

struct transport *http_transport_new(struct loop *loop, const struct http_options *options,
                                     struct err *err)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        err_set(err, ERR_INTERNAL, "start libcurl: it does not initialise");
        return NULL;
    }
    struct http *http = mem_alloc(sizeof *http);
    http->base.ops = &ops;
    http->loop = loop;
    http->user_agent = mem_str(options->user_agent);
    http->in_flight_max = options->in_flight_max ? options->in_flight_max : IN_FLIGHT_DEFAULT;
    http->queue_max = options->queue_max ? options->queue_max : QUEUE_DEFAULT;
    long streams = options->streams_per_connection ? (long)options->streams_per_connection
                                                   : (long)STREAMS_DEFAULT;
    for (size_t i = 0; i < HTTP_LANE_COUNT; i++) {
        long kept = i == HTTP_LANE_POLICY ? POLICY_CONNECTIONS_KEPT : CONNECTIONS_KEPT;
        if (lane_init(&http->lanes[i], http, streams, kept) != 0) {
            on_free(&http->base);
            err_set(err, ERR_INTERNAL, "start libcurl: it refuses a multi handle");
            return NULL;
        }
    }
    return &http->base;
}
