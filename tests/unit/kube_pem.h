/* Two self-signed certificates with their keys, made for these tests and trusted by nobody. */
#ifndef NEMETON_TESTS_KUBE_PEM_H
#define NEMETON_TESTS_KUBE_PEM_H

static const char pem_cert_one[] __attribute__((unused)) =
    "-----BEGIN CERTIFICATE-----\n"
    "MIIBdDCCARmgAwIBAgIUWiGN20SuHK80HzXC3D9GWLMu8SEwCgYIKoZIzj0EAwIw\n"
    "DjEMMAoGA1UEAwwDb25lMCAXDTI2MTEyMjE1NTUzM1oYDzIxMjYxMDI5MTU1NTMz\n"
    "WjAOMQwwCgYDVQQDDANvbmUwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAQBx57Z\n"
    "h3W1+sYRnAIZ+iAWBKB2Z4T0wT0vSXcZw3DPwOYHbEIHK/fgG8F4XGcvGynA0ZCm\n"
    "vKpP/n/DnfHeY96Fo1MwUTAdBgNVHQ4EFgQUbPItYRPbtT52m8pEbfEyzpUewUkw\n"
    "HwYDVR0jBBgwFoAUbPItYRPbtT52m8pEbfEyzpUewUkwDwYDVR0TAQH/BAUwAwEB\n"
    "/zAKBggqhkjOPQQDAgNJADBGAiEAkmvZ/gfvdW5aiyZC8MGx5fjyx3bEXV5qk5VA\n"
    "Juwoj+ECIQCshi1nT7CK8JnttdsS/ab2ajURpsBPQz+Ehm+zvPT2Ug==\n"
    "-----END CERTIFICATE-----\n";
static const char pem_key_one[] __attribute__((unused)) =
    "-----BEGIN PRIVATE KEY-----\n"
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg8k8Vnt028Tt9RbYa\n"
    "EBYJSY7vvQ04a9xUj0wPDlVnPEShRANCAAQBx57Zh3W1+sYRnAIZ+iAWBKB2Z4T0\n"
    "wT0vSXcZw3DPwOYHbEIHK/fgG8F4XGcvGynA0ZCmvKpP/n/DnfHeY96F\n"
    "-----END PRIVATE KEY-----\n";
static const char pem_cert_two[] __attribute__((unused)) =
    "-----BEGIN CERTIFICATE-----\n"
    "MIIBcjCCARmgAwIBAgIUTKg0rq5P1/xJVMcUfC83gVcjBK8wCgYIKoZIzj0EAwIw\n"
    "DjEMMAoGA1UEAwwDdHdvMCAXDTI2MTEyMjE1NTUzM1oYDzIxMjYxMDI5MTU1NTMz\n"
    "WjAOMQwwCgYDVQQDDAN0d28wWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAASRkDkh\n"
    "yyvVAHiRLOEJ0HYlRRrKSaw9jCUXFVcd8JsSW4ubgD5/V164ijfuUq6MvhFvA+/S\n"
    "WJhKUBik+CnsKVLoo1MwUTAdBgNVHQ4EFgQUbj8XsFMz41DRSxuMJioq9BpSe94w\n"
    "HwYDVR0jBBgwFoAUbj8XsFMz41DRSxuMJioq9BpSe94wDwYDVR0TAQH/BAUwAwEB\n"
    "/zAKBggqhkjOPQQDAgNHADBEAiBEqCCwKQ1/PxnGe9f0c9d5dWclJ0ga7R/MnG72\n"
    "MvPYEAIgAkompFZTxKfs4otQBXQjPNfLimfgkvvuSjgTLS0TJec=\n"
    "-----END CERTIFICATE-----\n";
static const char pem_key_two[] __attribute__((unused)) =
    "-----BEGIN PRIVATE KEY-----\n"
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgcUsNjJ4m/0/wVuak\n"
    "Gy1LUfMdeo2AAfaZT87LpwuiY8uhRANCAASRkDkhyyvVAHiRLOEJ0HYlRRrKSaw9\n"
    "jCUXFVcd8JsSW4ubgD5/V164ijfuUq6MvhFvA+/SWJhKUBik+CnsKVLo\n"
    "-----END PRIVATE KEY-----\n";

#endif
