/*
 * Runs a fuzz target over every file in the directories given, with any compiler; fuzz_NAME
 * without any over $srcdir/tests/fuzz/corpus/NAME. A directory without files is a mistake, and
 * fails.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* One input in memory of exactly its size, so that a read too far is seen. */
static int replay_file(const char *path, size_t size)
{
	FILE *file = fopen(path, "rb");
	uint8_t *data = malloc(size == 0 ? 1 : size);
	int ret = -1;

	if (file == NULL || data == NULL || fread(data, 1, size, file) != size) {
		perror(path);
		goto out;
	}
	LLVMFuzzerTestOneInput(data, size);
	ret = 0;
out:
	free(data);
	if (file != NULL) {
		fclose(file);
	}
	return ret;
}

/* The count of files, or -1. */
static int replay_directory(const char *directory)
{
	DIR *entries = opendir(directory);
	const struct dirent *entry;
	int count = 0;

	if (entries == NULL) {
		perror(directory);
		return -1;
	}
	while (count >= 0 && (entry = readdir(entries)) != NULL) {
		char path[4096];
		struct stat status;

		snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name);
		if (stat(path, &status) != 0 || !S_ISREG(status.st_mode)) {
			continue;
		}
		count = replay_file(path, (size_t)status.st_size) == 0 ? count + 1 : -1;
	}
	closedir(entries);
	return count;
}

static int replay(const char *directory)
{
	const int count = replay_directory(directory);

	if (count <= 0) {
		fprintf(stderr, "%s: no inputs replayed\n", directory);
		return -1;
	}
	printf("%s: %d inputs\n", directory, count);
	return 0;
}

/* NAME of fuzz_NAME, or NULL. */
static const char *target_name(const char *program)
{
	static const char prefix[] = "fuzz_";
	const char *slash = strrchr(program, '/');
	const char *name = slash == NULL ? program : slash + 1;

	return strncmp(name, prefix, strlen(prefix)) == 0 ? name + strlen(prefix) : NULL;
}

int main(int argc, char **argv)
{
	const char *srcdir = getenv("srcdir");
	const char *name = target_name(argv[0]);
	char corpus[4096];

	if (argc < 2 && name == NULL) {
		fprintf(stderr, "usage: %s directory...\n", argv[0]);
		return EXIT_FAILURE;
	}
	if (argc < 2) {
		snprintf(corpus, sizeof(corpus), "%s/tests/fuzz/corpus/%s",
			 srcdir == NULL ? "." : srcdir, name);
		return replay(corpus) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
	}
	for (int i = 1; i < argc; i++) {
		if (replay(argv[i]) != 0) {
			return EXIT_FAILURE;
		}
	}
	return EXIT_SUCCESS;
}
