/*
 * Records the Diffie-Hellman secrets of the MSE connections of one's own BitTorrent client.
 *
 * Every client computes SHA-1("req1" + S), S being the 96-byte secret. This library, loaded with LD_PRELOAD, stands in
 * front of the hash functions that clients use, and writes each S that follows "req1" as a line of hexadecimal digits
 * to the file named by PEERPROOF_MSE_SECRETS. It changes nothing and keeps nothing else.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LABEL = 4, SECRET = 96, LINE = 2 * SECRET + 1 };

/* The hash that was last given exactly "req1", of this thread. */
static __thread const void *labelled;

static void record(const unsigned char *secret)
{
	static const char digits[] = "0123456789abcdef";
	static __thread unsigned char last[SECRET];
	const char *path = getenv("PEERPROOF_MSE_SECRETS");
	if (!path || memcmp(last, secret, SECRET) == 0)
		return;
	memcpy(last, secret, SECRET);
	char line[LINE];
	for (int n = 0; n < SECRET; n++) {
		line[2 * n] = digits[secret[n] >> 4];
		line[2 * n + 1] = digits[secret[n] & 15];
	}
	line[LINE - 1] = '\n';
	/* One write in append mode: lines of several threads and processes do not mix. Only the owner may read them. */
	int before = errno;
	int file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (file < 0 || write(file, line, LINE) != LINE) {
		static const char failed[] = "mse-secrets: a secret could not be written\n";
		(void)!write(2, failed, sizeof failed - 1);
	}
	if (file >= 0)
		close(file);
	errno = before;
}

/*
 * Sees what is given to the hash `context`: "req1" and S at once (aria2) or one after the other (all others). OpenSSL 3
 * passes the same bytes from EVP_DigestUpdate to SHA1_Update, with another context: each counts for itself.
 */
static void see(const void *context, const void *data, size_t len)
{
	if (len == LABEL + SECRET && memcmp(data, "req1", LABEL) == 0)
		record((const unsigned char *)data + LABEL);
	else if (len == SECRET && labelled == context)
		record(data);
	if (len == LABEL && memcmp(data, "req1", LABEL) == 0)
		labelled = context;
	else if (labelled == context)
		labelled = NULL;
}

/*
 * The function that the client would have called. A library that was loaded later (a Python module, say) brings hash
 * functions that are not in the global scope: they are looked up from the library that `caller` lies in.
 */
static void *next(const char *name, const void *caller)
{
	void *found = dlsym(RTLD_NEXT, name);
	Dl_info info;
	if (!found && dladdr(caller, &info)) {
		void *library = dlopen(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD);
		found = library ? dlsym(library, name) : NULL;
	}
	if (!found) {
		static const char failed[] = "mse-secrets: the hash function behind this one was not found\n";
		(void)!write(2, failed, sizeof failed - 1);
		abort();
	}
	return found;
}

/* OpenSSL 1 and 3: libtorrent (qBittorrent, Deluge), rtorrent. */
int SHA1_Update(void *context, const void *data, size_t len)
{
	static int (*real)(void *, const void *, size_t);
	if (!real)
		real = next("SHA1_Update", __builtin_return_address(0));
	see(context, data, len);
	return real(context, data, len);
}

/* OpenSSL 1 and 3: Transmission, aria2 built with OpenSSL. */
int EVP_DigestUpdate(void *context, const void *data, size_t len)
{
	static int (*real)(void *, const void *, size_t);
	if (!real)
		real = next("EVP_DigestUpdate", __builtin_return_address(0));
	see(context, data, len);
	return real(context, data, len);
}

/* libgcrypt: libtorrent and aria2 built with it. */
void gcry_md_write(void *context, const void *data, size_t len)
{
	static void (*real)(void *, const void *, size_t);
	if (!real)
		real = next("gcry_md_write", __builtin_return_address(0));
	see(context, data, len);
	real(context, data, len);
}

/* Nettle: aria2 built with it. */
void nettle_sha1_update(void *context, size_t len, const void *data)
{
	static void (*real)(void *, size_t, const void *);
	if (!real)
		real = next("nettle_sha1_update", __builtin_return_address(0));
	see(context, data, len);
	real(context, len, data);
}
