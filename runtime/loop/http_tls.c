#include "loop/http_internal.h"

#include <curl/curl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

/* Answers the question for a pass phrase with "none", where OpenSSL would ask at the terminal. */
static int no_pass_phrase(char *out, int size, int writing, void *arg)
{
    (void)out;
    (void)size;
    (void)writing;
    (void)arg;
    return 0;
}

static BIO *bio_of(const char *pem)
{
    return BIO_new_mem_buf(pem, (int)strlen(pem));
}

static X509 *certificate_first(const char *pem)
{
    BIO *bio = bio_of(pem);
    X509 *certificate = PEM_read_bio_X509(bio, NULL, no_pass_phrase, NULL);
    BIO_free(bio);
    ERR_clear_error();
    return certificate;
}

static int ca_check(const char *pem, struct err *err)
{
    X509 *certificate = certificate_first(pem);
    if (!certificate)
        return err_set(err, ERR_INVALID, "read CA certificate: there is no PEM certificate in it");
    X509_free(certificate);
    return 0;
}

static int identity_check(const char *cert_pem, const char *key_pem, struct err *err)
{
    if (!cert_pem || !key_pem)
        return err_set(err, ERR_INVALID, "read client certificate: it is given without its %s",
                       cert_pem ? "key" : "certificate");
    X509 *certificate = certificate_first(cert_pem);
    if (!certificate)
        return err_set(err, ERR_INVALID,
                       "read client certificate: there is no PEM certificate in it");
    BIO *bio = bio_of(key_pem);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, no_pass_phrase, NULL);
    BIO_free(bio);
    int result = 0;
    if (!key)
        result = err_set(err, ERR_INVALID,
                         "read client key: there is no PEM key without pass phrase in it");
    else if (X509_check_private_key(certificate, key) != 1)
        result = err_set(err, ERR_INVALID,
                         "read client key: it does not belong to the client certificate");
    EVP_PKEY_free(key);
    X509_free(certificate);
    ERR_clear_error();
    return result;
}

static struct curl_blob blob_of(const char *pem)
{
    /* The identity outlives the handle, and curl copies what a connection keeps. */
    return (struct curl_blob){
        .data = (void *)(uintptr_t)pem, .len = strlen(pem), .flags = CURL_BLOB_NOCOPY};
}

int http_tls_apply(const struct http_tls *tls, void *easy)
{
    CURLcode code = curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (!tls)
        return (int)code;
    if (tls->insecure) {
        code = code ? code : curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
        code = code ? code : curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
    }
    if (tls->ca_pem) {
        struct curl_blob blob = blob_of(tls->ca_pem);
        code = code ? code : curl_easy_setopt(easy, CURLOPT_CAINFO_BLOB, &blob);
        /* Without this the system's directory would be trusted as well. */
        code = code ? code : curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    }
    if (tls->cert_pem) {
        struct curl_blob cert = blob_of(tls->cert_pem), key = blob_of(tls->key_pem);
        code = code ? code : curl_easy_setopt(easy, CURLOPT_SSLCERT_BLOB, &cert);
        code = code ? code : curl_easy_setopt(easy, CURLOPT_SSLKEY_BLOB, &key);
    }
    return (int)code;
}

struct http_tls *http_tls_new(const struct http_tls_options *options, struct err *err)
{
    if (options->ca_pem && ca_check(options->ca_pem, err) != 0)
        return NULL;
    if ((options->cert_pem || options->key_pem) &&
        identity_check(options->cert_pem, options->key_pem, err) != 0)
        return NULL;
    struct http_tls *tls = mem_alloc(sizeof *tls);
    tls->refs = 1;
    tls->ca_pem = mem_str(options->ca_pem);
    tls->cert_pem = mem_str(options->cert_pem);
    tls->key_pem = mem_str(options->key_pem);
    tls->server_name = mem_str(options->server_name);
    tls->insecure = options->insecure;
    return tls;
}

struct http_tls *http_tls_ref(struct http_tls *tls)
{
    if (tls)
        tls->refs++;
    return tls;
}

void http_tls_unref(struct http_tls *tls)
{
    if (!tls || --tls->refs > 0)
        return;
    if (tls->key_pem)
        OPENSSL_cleanse(tls->key_pem, strlen(tls->key_pem));
    free(tls->ca_pem);
    free(tls->cert_pem);
    free(tls->key_pem);
    free(tls->server_name);
    free(tls);
}
