#include "loop/http_internal.h"

#include <curl/curl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    KEEPALIVE_IDLE_S = 15,
    KEEPALIVE_INTERVAL_S = 5,
    KEEPALIVE_PROBES = 3,
    UNACKED_MAX_MS = 20000,     /* TCP_USER_TIMEOUT: sent, but nobody acknowledges */
    CONNECTION_IDLE_MAX_S = 90, /* older ones may be gone already; open a new one */
    UPLOAD_BYTES = 16384        /* of each request's buffer; 64 of them are under way at once */
};

/* Sets an option unless an earlier one failed. */
#define SET(option, value)                                                                         \
    do {                                                                                           \
        if (code == CURLE_OK)                                                                      \
            code = curl_easy_setopt(call->easy, (option), (value));                                \
    } while (0)

/* Adds to a list that is an error once it is NULL after an addition. */
static void list_add(void **list, const char *text)
{
    struct curl_slist *grown = curl_slist_append(*list, text);
    if (!grown)
        abort(); /* the C heap is exhausted */
    *list = grown;
}

static bool request_has_header(const struct http_request *request, const char *name)
{
    for (size_t i = 0; i < request->header_count; i++)
        if (strcasecmp(request->headers[i].name, name) == 0)
            return true;
    return false;
}

static bool is_repeatable(const struct http_request *request)
{
    return strcmp(request->method, "GET") == 0 || strcmp(request->method, "HEAD") == 0;
}

static void headers_reset(struct http_call *call)
{
    http_headers_free(call->headers, call->header_count);
    call->headers = NULL;
    call->header_count = 0;
    call->header_bytes = 0;
}

/* "Name: value" → a header of the answer; other lines are left out. */
static void headers_add(struct http_call *call, const char *line, size_t len)
{
    const char *colon = memchr(line, ':', len);
    if (!colon || colon == line)
        return;
    const char *value = colon + 1, *end = line + len;
    while (value < end && (*value == ' ' || *value == '\t'))
        value++;
    while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    if (!call->headers)
        call->headers = mem_alloc(HTTP_HEADERS_MAX * sizeof *call->headers);
    call->headers[call->header_count++] = (struct http_header){
        .name = mem_strn(line, (size_t)(colon - line)),
        .value = mem_strn(value, (size_t)(end - value)),
    };
}

static void head_deliver(struct http_call *call)
{
    long status = 0;
    curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
    if (status < 200)
        return; /* 100 Continue and its kin: the real head comes after */
    call->status = (int)status;
    call->is_head_done = true;
    if (!call->callbacks.on_head)
        return;
    struct http_response head = http_easy_response(call);
    call->lane->http->in_callback++;
    call->callbacks.on_head(call->arg, &head);
    call->lane->http->in_callback--;
}

/* Ends the transfer from inside a callback. */
static size_t transfer_abort(struct http_call *call)
{
    http_easy_forsake(call);
    return 0;
}

static size_t on_header(char *line, size_t size, size_t count, void *arg)
{
    struct http_call *call = arg;
    size_t total = size * count, len = total;
    if (call->state == HTTP_CALL_DOOMED)
        return transfer_abort(call);
    if (call->is_head_done)
        return total; /* trailers */
    while (len > 0 && (line[len - 1] == '\r' || line[len - 1] == '\n'))
        len--;
    if (len == 0) {
        head_deliver(call);
        return call->state == HTTP_CALL_DOOMED ? transfer_abort(call) : total;
    }
    if (strncmp(line, "HTTP/", 5) == 0) {
        headers_reset(call);
        return total;
    }
    call->header_bytes += len;
    if (call->header_count == HTTP_HEADERS_MAX || call->header_bytes > HTTP_HEADER_BYTES_MAX) {
        call->is_too_large = true;
        return transfer_abort(call);
    }
    headers_add(call, line, len);
    return total;
}

static size_t on_body(char *data, size_t size, size_t count, void *arg)
{
    struct http_call *call = arg;
    size_t len = size * count;
    if (call->state == HTTP_CALL_DOOMED)
        return transfer_abort(call);
    if (!call->request.stream) {
        call->is_too_large = buf_add(&call->body, data, len) != 0;
        return call->is_too_large ? transfer_abort(call) : len;
    }
    if (call->is_paused)
        return CURL_WRITEFUNC_PAUSE; /* curl keeps the piece and stops reading */
    if (!call->callbacks.on_data)
        return len;
    call->lane->http->in_callback++;
    call->is_stopped = call->callbacks.on_data(call->arg, data, len) != 0;
    call->lane->http->in_callback--;
    return call->is_stopped || call->state == HTTP_CALL_DOOMED ? transfer_abort(call) : len;
}

static int on_socket(void *arg, curl_socket_t fd, curlsocktype purpose)
{
    (void)arg;
    (void)purpose;
    int on = 1, idle = KEEPALIVE_IDLE_S, interval = KEEPALIVE_INTERVAL_S;
    int probes = KEEPALIVE_PROBES, unacked = UNACKED_MAX_MS;
    /* Where a kernel knows one of them not, the watchdog of the watch still finds a dead peer. */
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unacked, sizeof unacked);
    return CURL_SOCKOPT_OK;
}

/* The loop must forget a descriptor before its number can be reused. */
static int on_close_socket(void *arg, curl_socket_t fd)
{
    loop_fd_remove(arg, fd);
    return close(fd);
}

/* curl repeats a request by itself when a reused connection dies before the first byte of an
 * answer. The server may have done it all the same, so only what may be repeated is. */
static int on_send(void *arg, char *ip, char *local_ip, int port, int local_port)
{
    struct http_call *call = arg;
    (void)ip;
    (void)local_ip;
    (void)port;
    (void)local_port;
    bool is_repeat = call->tries++ > 0;
    if (is_repeat && !is_repeatable(&call->request))
        return CURL_PREREQFUNC_ABORT;
    if (!call->callbacks.on_send)
        return CURL_PREREQFUNC_OK;
    call->lane->http->in_callback++;
    int refused = call->callbacks.on_send(call->arg, &call->refusal);
    call->lane->http->in_callback--;
    return refused ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

static CURLcode set_method(struct http_call *call)
{
    const struct http_request *request = &call->request;
    CURLcode code = CURLE_OK;
    bool has_body = request->body_len > 0 || strcmp(request->method, "POST") == 0 ||
                    strcmp(request->method, "PUT") == 0 || strcmp(request->method, "PATCH") == 0;
    if (has_body) {
        SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_len);
        SET(CURLOPT_POSTFIELDS, request->body ? request->body : "");
    }
    if (strcmp(request->method, "HEAD") == 0)
        SET(CURLOPT_NOBODY, 1L);
    else if (has_body || strcmp(request->method, "GET") != 0)
        SET(CURLOPT_CUSTOMREQUEST, request->method);
    return code;
}

static CURLcode set_headers(struct http_call *call)
{
    const struct http_request *request = &call->request;
    CURLcode code = CURLE_OK;
    for (size_t i = 0; i < request->header_count; i++) {
        const struct http_header *header = &request->headers[i];
        /* curl's own notation: "Name:" would take the header away, "Name;" sends it empty. */
        char *line = *header->value ? mem_printf("%s: %s", header->name, header->value)
                                    : mem_printf("%s;", header->name);
        list_add(&call->header_list, line);
        free(line);
    }
    if (!request_has_header(request, "Expect"))
        list_add(&call->header_list, "Expect:"); /* no second of waiting for 100 Continue */
    if (!request_has_header(request, "Content-Type"))
        list_add(&call->header_list, "Content-Type:");
    SET(CURLOPT_HTTPHEADER, call->header_list);
    return code;
}

/* The name for SNI and verification differs from the host: the URL gets the name, the connection
 * goes to the host, and the Host header stays what it was. */
static CURLcode set_target(struct http_call *call)
{
    const struct http_request *request = &call->request;
    const char *name = request->tls ? request->tls->server_name : NULL;
    CURLcode code = CURLE_OK;
    if (!name || strncasecmp(request->url, "https://", 8) != 0) {
        SET(CURLOPT_URL, request->url);
        return code;
    }
    const char *host = request->url + 8;
    size_t authority_len = strcspn(host, "/?#");
    const char *at = memchr(host, '@', authority_len);
    if (at) {
        authority_len -= (size_t)(at + 1 - host);
        host = at + 1;
    }
    const char *bracket = memchr(host, ']', authority_len);
    const char *after = bracket ? bracket : host;
    const char *colon = memchr(after, ':', authority_len - (size_t)(after - host));
    int host_len = (int)(colon ? (size_t)(colon - host) : authority_len);
    int port_len = colon ? (int)(host + authority_len - colon - 1) : 3;
    const char *port = colon ? colon + 1 : "443";
    bool is_v6 = strchr(name, ':') != NULL && name[0] != '[';
    char *url = mem_printf("https://%s%s%s:%.*s%s", is_v6 ? "[" : "", name, is_v6 ? "]" : "",
                           port_len, port, host + authority_len);
    char *route = mem_printf("::%.*s:%.*s", host_len, host, port_len, port);
    char *host_line = mem_printf("Host: %.*s", (int)authority_len, host);
    list_add(&call->connect_to, route);
    if (!request_has_header(request, "Host"))
        list_add(&call->header_list, host_line);
    SET(CURLOPT_URL, url);
    SET(CURLOPT_CONNECT_TO, call->connect_to);
    free(url);
    free(route);
    free(host_line);
    return code;
}

/* The environment's proxy variables are the business of who fills the request. */
static CURLcode set_proxy(struct http_call *call)
{
    const char *proxy = call->request.proxy ? call->request.proxy : "";
    CURLcode code = CURLE_OK;
    SET(CURLOPT_NOPROXY, "");
    SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    if (strncasecmp(proxy, "socks5://", 9) == 0) { /* names are resolved at the proxy, as in Go */
        char *remote = mem_printf("socks5h://%s", proxy + 9);
        SET(CURLOPT_PROXY, remote);
        free(remote);
        return code;
    }
    SET(CURLOPT_PROXY, proxy);
    return code;
}

static CURLcode set_transfer(struct http_call *call)
{
    const struct http_request *request = &call->request;
    struct http *http = call->lane->http;
    CURLcode code = CURLE_OK;
    long connect_ms = request->connect_timeout_ms > 0 ? (long)request->connect_timeout_ms
                                                      : (long)HTTP_CONNECT_TIMEOUT_DEFAULT_MS;
    SET(CURLOPT_PRIVATE, (void *)call);
    SET(CURLOPT_ERRORBUFFER, call->error);
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    SET(CURLOPT_PIPEWAIT, 1L);
    SET(CURLOPT_FRESH_CONNECT, request->fresh_connection ? 1L : 0L);
    SET(CURLOPT_MAXAGE_CONN, (long)CONNECTION_IDLE_MAX_S);
    SET(CURLOPT_CONNECTTIMEOUT_MS, connect_ms);
    SET(CURLOPT_UPLOAD_BUFFERSIZE, (long)UPLOAD_BYTES);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_QUICK_EXIT, 1L); /* never wait for a name resolution that nobody wants any more */
    SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    if (request->compressed)
        SET(CURLOPT_ACCEPT_ENCODING, "gzip");
    if (http->user_agent && !request_has_header(request, "User-Agent"))
        SET(CURLOPT_USERAGENT, http->user_agent);
    SET(CURLOPT_HEADERFUNCTION, on_header);
    SET(CURLOPT_HEADERDATA, (void *)call);
    SET(CURLOPT_WRITEFUNCTION, on_body);
    SET(CURLOPT_WRITEDATA, (void *)call);
    SET(CURLOPT_SOCKOPTFUNCTION, on_socket);
    SET(CURLOPT_CLOSESOCKETFUNCTION, on_close_socket);
    SET(CURLOPT_CLOSESOCKETDATA, (void *)http->loop);
    SET(CURLOPT_PREREQFUNCTION, on_send);
    SET(CURLOPT_PREREQDATA, (void *)call);
    return code;
}

int http_easy_open(struct http_call *call, struct err *err)
{
    call->easy = curl_easy_init();
    if (!call->easy)
        return err_set(err, ERR_INTERNAL, "make a curl handle: out of memory");
    CURLcode code = set_transfer(call);
    code = code ? code : (CURLcode)http_tls_apply(call->request.tls, call->easy);
    code = code ? code : set_method(call);
    code = code ? code : set_target(call);
    code = code ? code : set_headers(call);
    code = code ? code : set_proxy(call);
    if (code == CURLE_OK)
        return 0;
    http_easy_error(call, (int)code, err);
    return -1;
}

void http_easy_forsake(struct http_call *call)
{
    curl_easy_setopt(call->easy, CURLOPT_FORBID_REUSE, 1L);
}

void http_easy_close(struct http_call *call)
{
    if (call->easy)
        curl_easy_cleanup(call->easy);
    curl_slist_free_all(call->header_list);
    curl_slist_free_all(call->connect_to);
    call->easy = call->header_list = call->connect_to = NULL;
    headers_reset(call);
}

char *http_call_title(const struct http_call *call)
{
    const char *url = call->request.url, *host = strstr(url, "://") + 3;
    size_t authority_len = strcspn(host, "/?#");
    const char *at = memchr(host, '@', authority_len);
    const char *from = at ? at + 1 : host;
    return mem_printf("%s `%.*s%.*s`", call->request.method, (int)(host - url), url,
                      (int)strcspn(from, "?#"), from);
}

static enum err_code error_code(const struct http_call *call, CURLcode code)
{
    if (call->is_too_large)
        return ERR_TOO_LARGE;
    if (call->is_stopped)
        return ERR_CANCELED;
    switch ((int)code) {
    case CURLE_OPERATION_TIMEDOUT:
        return ERR_TIMEOUT;
    case CURLE_URL_MALFORMAT:
        return ERR_INVALID;
    case CURLE_UNSUPPORTED_PROTOCOL: /* after the request was sent: the answer is no HTTP */
        return call->tries > 0 ? ERR_NETWORK : ERR_INVALID;
    case CURLE_OUT_OF_MEMORY:
    case CURLE_BAD_FUNCTION_ARGUMENT:
    case CURLE_UNKNOWN_OPTION:
    case CURLE_NOT_BUILT_IN:
        return ERR_INTERNAL;
    default:
        return ERR_NETWORK;
    }
}

static const char *error_reason(CURLcode code)
{
    switch ((int)code) {
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
        return HTTP_REASON_PEER_CERTIFICATE;
    case CURLE_SSL_CERTPROBLEM:
        return HTTP_REASON_CLIENT_CERTIFICATE;
    case CURLE_COULDNT_CONNECT:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
        return HTTP_REASON_REFUSED;
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
    case CURLE_ABORTED_BY_CALLBACK: /* a repetition that we do not allow */
        return HTTP_REASON_RESET;
    default:
        return "";
    }
}

void http_easy_error(const struct http_call *call, int code, struct err *err)
{
    if (call->refusal.code != ERR_NONE) {
        *err = call->refusal;
        return;
    }
    const char *text = call->error[0] ? call->error : curl_easy_strerror((CURLcode)code);
    if (call->is_too_large)
        text = call->is_head_done ? "the answer is over the maximum"
                                  : "the headers of the answer are over the maximum";
    else if (call->is_stopped)
        text = "stopped by the reader";
    else if (code == CURLE_ABORTED_BY_CALLBACK)
        text = "the connection was lost before the answer";
    char *title = http_call_title(call);
    err_set(err, error_code(call, (CURLcode)code), "%s: %s", title, text);
    free(title);
    if (err->code == ERR_NETWORK)
        snprintf(err->reason, sizeof err->reason, "%s", error_reason((CURLcode)code));
}

struct http_response http_easy_response(const struct http_call *call)
{
    return (struct http_response){
        .status = call->status,
        .headers = call->headers,
        .header_count = call->header_count,
        .body = buf_str(&call->body),
        .body_len = call->body.len,
    };
}
