#include "loop/server.h"

#include "base/buf.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

enum { SERIAL_BITS = 127, VALID_DAYS = 3650, BACKDATED_S = 3600 };

struct extension {
    int nid;
    const char *value;
};

static const struct extension ca_extensions[] = {
    {NID_basic_constraints, "critical,CA:TRUE,pathlen:0"},
    {NID_key_usage, "critical,keyCertSign,cRLSign"},
    {NID_subject_key_identifier, "hash"},
};
static const struct extension server_extensions[] = {
    {NID_basic_constraints, "critical,CA:FALSE"},
    {NID_key_usage, "critical,digitalSignature"},
    {NID_ext_key_usage, "serverAuth"},
    {NID_subject_key_identifier, "hash"},
    {NID_authority_key_identifier, "keyid"},
    {NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1,IP:::1"},
};

static int serial_set(X509 *certificate)
{
    BIGNUM *serial = BN_new();
    int ok = serial && BN_rand(serial, SERIAL_BITS, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1 &&
             BN_to_ASN1_INTEGER(serial, X509_get_serialNumber(certificate)) != NULL;
    BN_free(serial);
    return ok;
}

static int extensions_add(X509 *certificate, X509 *issuer, const struct extension *extensions,
                          size_t count)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    for (size_t i = 0; i < count; i++) {
        X509_EXTENSION *extension =
            X509V3_EXT_conf_nid(NULL, &context, extensions[i].nid, extensions[i].value);
        int ok = extension && X509_add_ext(certificate, extension, -1) == 1;
        X509_EXTENSION_free(extension);
        if (!ok)
            return 0;
    }
    return 1;
}

/* A certificate for `key`, signed by the issuer, or by itself when there is none. */
static X509 *certificate_new(const char *name, EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key)
{
    X509 *certificate = X509_new();
    if (!certificate)
        return NULL;
    X509_NAME *subject = X509_get_subject_name(certificate);
    const struct extension *extensions = issuer ? server_extensions : ca_extensions;
    size_t count = issuer ? sizeof server_extensions / sizeof *server_extensions
                          : sizeof ca_extensions / sizeof *ca_extensions;
    int ok = X509_set_version(certificate, X509_VERSION_3) && serial_set(certificate) &&
             X509_gmtime_adj(X509_getm_notBefore(certificate), -BACKDATED_S) &&
             X509_time_adj_ex(X509_getm_notAfter(certificate), VALID_DAYS, 0, NULL) &&
             X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)name,
                                        -1, -1, 0) &&
             X509_set_issuer_name(certificate, issuer ? X509_get_subject_name(issuer) : subject) &&
             X509_set_pubkey(certificate, key) &&
             extensions_add(certificate, issuer ? issuer : certificate, extensions, count) &&
             X509_sign(certificate, issuer ? issuer_key : key, EVP_sha256()) > 0;
    if (ok)
        return certificate;
    X509_free(certificate);
    return NULL;
}

static char *bio_text(BIO *bio)
{
    char *data;
    long len = BIO_get_mem_data(bio, &data);
    return len > 0 ? mem_strn(data, (size_t)len) : NULL;
}

static char *certificate_pem(X509 *certificate)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *text = bio && PEM_write_bio_X509(bio, certificate) == 1 ? bio_text(bio) : NULL;
    BIO_free(bio);
    return text;
}

static char *key_pem(EVP_PKEY *key)
{
    BIO *bio = BIO_new(BIO_s_secmem());
    char *text = bio && PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1
                     ? bio_text(bio)
                     : NULL;
    BIO_free(bio);
    return text;
}

int server_certificate_make(struct server_certificate *out, struct err *err)
{
    EVP_PKEY *ca_key = EVP_EC_gen("P-256"), *key = EVP_EC_gen("P-256");
    X509 *ca = ca_key ? certificate_new("nemeton-sandbox-ca", ca_key, NULL, NULL) : NULL;
    X509 *leaf = ca && key ? certificate_new("nemeton-sandbox", key, ca, ca_key) : NULL;
    struct server_certificate made = {0};
    if (leaf) {
        made.ca_pem = certificate_pem(ca);
        made.cert_pem = certificate_pem(leaf);
        made.key_pem = key_pem(key);
    }
    X509_free(leaf);
    X509_free(ca);
    EVP_PKEY_free(key);
    EVP_PKEY_free(ca_key);
    if (made.ca_pem && made.cert_pem && made.key_pem) {
        *out = made;
        return 0;
    }
    server_certificate_deinit(&made);
    char reason[160];
    ERR_error_string_n(ERR_get_error(), reason, sizeof reason);
    ERR_clear_error();
    return err_set(err, ERR_INTERNAL, "make a certificate: %s", reason);
}

void server_certificate_deinit(struct server_certificate *certificate)
{
    if (certificate->key_pem)
        OPENSSL_cleanse(certificate->key_pem, strlen(certificate->key_pem));
    free(certificate->ca_pem);
    free(certificate->cert_pem);
    free(certificate->key_pem);
    *certificate = (struct server_certificate){0};
}
