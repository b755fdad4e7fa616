/*
 * tool: what the tests of digests, archives and layers run. It hands files to the
 * modules, and prints what they make of them.
 *
 *   tool sha256 [--portable] <FILE      the digest, and what computed it
 *   tool list FILE                      a line for each entry of an archive
 *   tool copy FILE >COPY                the same entries, written by us
 *   tool write <DESCRIPTION >FILE       an archive of any entries, also evil ones
 *   tool naive FILE DIRECTORY           unpacks as one must not: the control
 *   tool unpack [OPTION…] FILE DIRECTORY  a layer; then the digests of the file and
 *                                       of what it unpacks to, and what was in it
 *            --devices, --no-devices, --own-all, --plain-tree, --most-bytes=N
 *   tool pack [--gzip|--zstd] DIRECTORY FILE
 *   tool attributes FILE…               "FILE NAME=HEX" for each extended one
 *   tool set-attribute FILE NAME HEX
 *   tool containerfile FILE             what is in it, a line for each instruction
 *   tool ignore PATTERNS <PATHS         those of the paths that are left out
 *   tool expand WORD [NAME=VALUE…]
 *
 * A description has a line for each entry, with tabs between its words, which
 * are the kind and key=value:
 *
 *   file  path=a/b  mode=0644  uid=0  gid=0  mtime=1.5  data=text  xattr=NAME=VALUE
 *   hard-link|symlink|directory|fifo|character|block  path=…  target=…  device=1:3
 */
#include "common/base/log.h"
#include "common/base/number.h"
#include "common/base/sha256.h"
#include "common/base/tar_reader.h"
#include "common/base/tar_writer.h"
#include "common/image/containerfile.h"
#include "common/image/expand.h"
#include "common/image/ignore.h"
#include "common/image/layer_pack.h"
#include "common/image/layer_unpack.h"
#include "common/image/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

static const struct {
    enum tar_kind kind;
    const char *name;
} kinds[] = {
    {TAR_FILE, "file"},          {TAR_HARD_LINK, "hard-link"},
    {TAR_SYMLINK, "symlink"},    {TAR_CHARACTER_DEVICE, "character"},
    {TAR_BLOCK_DEVICE, "block"}, {TAR_DIRECTORY, "directory"},
    {TAR_FIFO, "fifo"},
};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

static ssize_t read_fd(void *context, void *buffer, size_t size)
{
    const int *fd = context;
    ssize_t got = read(*fd, buffer, size);
    return got != -1 ? got : log_call(-1, "read the archive", "read(%d)", *fd);
}

static int write_stdout(void *context, const void *data, size_t size)
{
    (void)context;
    return fwrite(data, 1, size, stdout) == size ? 0 : -1;
}

static int open_archive(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd == -1)
        log_call(-1, "open the archive", "open(\"%s\")", path);
    return fd;
}

/* ---- sha256 ---- */

static int tool_sha256(char **arguments)
{
    static unsigned char buffer[65536];
    unsigned char digest[SHA256_BYTES];
    char text[SHA256_TEXT];
    struct sha256 hash;
    ssize_t got = 0;
    size_t size = 1;
    if (arguments[0] != NULL && strcmp(arguments[0], "--portable") == 0)
        sha256_use_portable();
    sha256_start(&hash);
    /* Pieces of many lengths, so that they end all over a block. */
    while ((got = read(STDIN_FILENO, buffer, size)) > 0) {
        sha256_add(&hash, buffer, (size_t)got);
        size =
            size * 5 / 3 + 1 > sizeof buffer ? sizeof buffer : size * 5 / 3 + 1;
    }
    sha256_finish(&hash, digest);
    sha256_text(digest, text);
    printf("%s %s\n", text, sha256_implementation());
    return got == 0 ? 0 : -1;
}

/* ---- list ---- */

static void print_text(const char *text)
{
    for (; *text != '\0'; text++)
        if (*text > ' ' && *text < 0x7f && *text != '\\')
            putchar(*text);
        else
            printf("\\%03o", (unsigned char)*text);
}

/* Hands on the file as it would be read, its holes as zeros. */
static int read_body(struct tar_reader *reader, const struct tar_entry *entry,
                     int (*take)(void *context, const void *data, size_t size),
                     void *context)
{
    static const unsigned char zeros[65536];
    struct tar_piece piece;
    uint64_t at = 0;
    int result = 1;
    while (result == 1) {
        result = tar_reader_body(reader, &piece);
        if (result == -1)
            return -1;
        uint64_t next = result == 1 ? piece.offset : entry->size;
        while (at < next) {
            uint64_t hole = next - at;
            if (hole > sizeof zeros)
                hole = sizeof zeros;
            if (take(context, zeros, (size_t)hole) == -1)
                return -1;
            at += hole;
        }
        if (result == 1) {
            if (take(context, piece.data, piece.size) == -1)
                return -1;
            at += piece.size;
        }
    }
    return 0;
}

static int hash_piece(void *hash, const void *data, size_t size)
{
    sha256_add(hash, data, size);
    return 0;
}

static int hash_body(struct tar_reader *reader, const struct tar_entry *entry,
                     char text[SHA256_TEXT])
{
    unsigned char digest[SHA256_BYTES];
    struct sha256 hash;
    sha256_start(&hash);
    if (read_body(reader, entry, hash_piece, &hash) == -1)
        return -1;
    sha256_finish(&hash, digest);
    sha256_text(digest, text);
    return 0;
}

static int list_entry(struct tar_reader *reader, const struct tar_entry *entry)
{
    char digest[SHA256_TEXT];
    for (size_t i = 0; i < KINDS; i++)
        if (kinds[i].kind == entry->kind)
            printf("%s ", kinds[i].name);
    print_text(entry->path);
    printf(" mode=%04" PRIo32 " uid=%" PRIu32 " gid=%" PRIu32 " mtime=%" PRId64
           ".%09" PRIu32,
           entry->mode, entry->uid, entry->gid, entry->mtime,
           entry->mtime_nanoseconds);
    if (entry->target[0] != '\0') {
        printf(" target=");
        print_text(entry->target);
    }
    if (entry->kind == TAR_CHARACTER_DEVICE || entry->kind == TAR_BLOCK_DEVICE)
        printf(" device=%" PRIu32 ":%" PRIu32, entry->device_major,
               entry->device_minor);
    for (size_t i = 0; i < entry->attribute_count; i++) {
        const struct tar_attribute *attribute = &entry->attributes[i];
        printf(" xattr=");
        print_text(attribute->name);
        putchar('=');
        for (size_t j = 0; j < attribute->size; j++)
            printf("%02x", ((const unsigned char *)attribute->value)[j]);
    }
    if (entry->kind == TAR_FILE) {
        if (hash_body(reader, entry, digest) == -1)
            return -1;
        printf(" size=%" PRIu64 " sha256=%s", entry->size, digest);
    }
    putchar('\n');
    return 0;
}

static int write_piece(void *archive, const void *data, size_t size)
{
    return tar_writer_body(archive, data, size);
}

static int copy_entry(struct tar_reader *reader, struct tar_writer *writer,
                      const struct tar_entry *entry)
{
    if (tar_writer_entry(writer, entry) == -1)
        return -1;
    return read_body(reader, entry, write_piece, writer);
}

/* Reads an archive, and lists it, or copies it to `writer`. */
static int read_archive(const char *path, struct tar_writer *writer)
{
    struct tar_reader reader;
    struct tar_entry entry;
    int fd = open_archive(path);
    if (fd == -1 || tar_reader_start(&reader, path, read_fd, &fd,
                                     &tar_default_limits) == -1)
        return -1;
    int result;
    while ((result = tar_reader_next(&reader, &entry)) == 1)
        if ((writer == NULL ? list_entry(&reader, &entry)
                            : copy_entry(&reader, writer, &entry)) == -1)
            break;
    if (result == 0)
        result = tar_reader_finish(&reader);
    tar_reader_free(&reader);
    close(fd);
    return result == 0 ? 0 : -1;
}

static int tool_list(char **arguments)
{
    return read_archive(arguments[0], NULL);
}

static struct tar_writer writer;

static int tool_copy(char **arguments)
{
    tar_writer_start(&writer, write_stdout, NULL);
    return read_archive(arguments[0], &writer) == 0 ? tar_writer_finish(&writer)
                                                    : -1;
}

/* ---- write ---- */

static int write_described(char *line)
{
    struct tar_entry entry = {.path = "", .target = "", .mode = 0644};
    struct tar_attribute attributes[8];
    const char *data = "";
    char *rest = NULL, *word = strtok_r(line, "\t", &rest);
    for (size_t i = 0; word != NULL && i < KINDS; i++)
        if (strcmp(kinds[i].name, word) == 0)
            entry.kind = kinds[i].kind;
    if (entry.kind == TAR_DIRECTORY)
        entry.mode = 0755;
    while ((word = strtok_r(NULL, "\t", &rest)) != NULL) {
        char *value = strchr(word, '=');
        if (value == NULL)
            return log_error("not key=value: %s", word);
        *value++ = '\0';
        if (strcmp(word, "path") == 0) {
            entry.path = value;
        } else if (strcmp(word, "target") == 0) {
            entry.target = value;
        } else if (strcmp(word, "data") == 0) {
            data = value;
        } else if (strcmp(word, "mode") == 0) {
            entry.mode = (uint32_t)strtoul(value, NULL, 8);
        } else if (strcmp(word, "uid") == 0) {
            entry.uid = (uint32_t)strtoul(value, NULL, 10);
        } else if (strcmp(word, "gid") == 0) {
            entry.gid = (uint32_t)strtoul(value, NULL, 10);
        } else if (strcmp(word, "mtime") == 0) {
            char *fraction;
            entry.mtime = strtoll(value, &fraction, 10);
            if (*fraction == '.')
                entry.mtime_nanoseconds =
                    (uint32_t)(strtod(fraction, NULL) * 1e9 + 0.5);
        } else if (strcmp(word, "device") == 0) {
            char *minor;
            entry.device_major = (uint32_t)strtoul(value, &minor, 10);
            entry.device_minor = (uint32_t)strtoul(minor + 1, NULL, 10);
        } else if (strcmp(word, "xattr") == 0 && entry.attribute_count < 8) {
            char *content = strchr(value, '=');
            if (content == NULL)
                return log_error("not NAME=VALUE: %s", value);
            *content++ = '\0';
            attributes[entry.attribute_count++] =
                (struct tar_attribute){value, content, strlen(content)};
        } else {
            return log_error("no such key: %s", word);
        }
    }
    entry.attributes = attributes;
    entry.size = strlen(data);
    if (entry.kind == 0)
        return log_error("no such kind");
    if (tar_writer_entry(&writer, &entry) == -1)
        return -1;
    return entry.kind == TAR_FILE
               ? tar_writer_body(&writer, data, (size_t)entry.size)
               : 0;
}

static int tool_write(char **arguments)
{
    char *line = NULL;
    size_t capacity = 0;
    ssize_t length;
    (void)arguments;
    tar_writer_start(&writer, write_stdout, NULL);
    while ((length = getline(&line, &capacity, stdin)) > 0) {
        if (line[length - 1] == '\n')
            line[length - 1] = '\0';
        if (write_described(line) == -1)
            return -1;
    }
    free(line);
    return tar_writer_finish(&writer);
}

/* ---- naive ---- */

static int naive_remove_one(const char *path, const struct stat *status,
                            int type, struct FTW *where)
{
    (void)status;
    (void)type;
    (void)where;
    remove(path);
    return 0;
}

static int naive_remove_in(const char *path, const struct stat *status,
                           int type, struct FTW *where)
{
    return where->level == 0 ? 0 : naive_remove_one(path, status, type, where);
}

static int naive_whiteout(const char *directory, const char *name)
{
    char victim[8192 + 256];
    bool all = strcmp(name, ".wh..opq") == 0;
    snprintf(victim, sizeof victim, "%s%s", directory, all ? "." : name);
    if (all)
        return nftw(victim, naive_remove_in, 8, FTW_DEPTH | FTW_PHYS);
    return nftw(victim, naive_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* What anybody would write at first: every path as it stands there. */
static int naive_entry(struct tar_reader *reader, const struct tar_entry *entry,
                       const char *directory)
{
    struct tar_piece piece;
    char path[8192], target[8192];
    dev_t device = makedev(entry->device_major, entry->device_minor);
    snprintf(path, sizeof path, "%s/%s", directory, entry->path);
    snprintf(target, sizeof target, "%s/%s", directory, entry->target);
    if (strcmp(entry->path, ".") == 0)
        snprintf(path, sizeof path, "%s", directory);
    if (entry->path[0] == '/')
        snprintf(path, sizeof path, "%s", entry->path);
    char *name = strrchr(path, '/') + 1;
    if (strncmp(name, ".wh.", 4) == 0) {
        char rest[256];
        snprintf(rest, sizeof rest, "%s", name + 4);
        *name = '\0';
        return naive_whiteout(path, rest);
    }
    switch (entry->kind) {
    case TAR_FILE: {
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        if (fd == -1)
            return -1;
        while (tar_reader_body(reader, &piece) == 1)
            if (pwrite(fd, piece.data, piece.size, (off_t)piece.offset) == -1)
                return -1;
        close(fd);
        break;
    }
    case TAR_HARD_LINK:
        remove(path);
        return link(entry->target[0] == '/' ? entry->target : target, path);
    case TAR_SYMLINK:
        remove(path);
        return symlink(entry->target, path);
    case TAR_DIRECTORY:
        if (mkdir(path, 0700) == -1 && errno != EEXIST)
            return -1;
        break;
    case TAR_FIFO:
        return mkfifo(path, entry->mode);
    default:
        return mknod(path,
                     entry->mode |
                         (entry->kind == TAR_BLOCK_DEVICE ? S_IFBLK : S_IFCHR),
                     device);
    }
    for (size_t i = 0; i < entry->attribute_count; i++)
        setxattr(path, entry->attributes[i].name, entry->attributes[i].value,
                 entry->attributes[i].size, 0);
    return chown(path, entry->uid, entry->gid) == -1 ? -1
                                                     : chmod(path, entry->mode);
}

static int tool_naive(char **arguments)
{
    struct tar_reader reader;
    struct tar_entry entry;
    int result, fd = open_archive(arguments[0]);
    if (fd == -1 || tar_reader_start(&reader, arguments[0], read_fd, &fd,
                                     &tar_default_limits) == -1)
        return -1;
    while ((result = tar_reader_next(&reader, &entry)) == 1)
        naive_entry(&reader, &entry, arguments[1]);
    tar_reader_free(&reader);
    close(fd);
    return result;
}

/* ---- unpack, pack ---- */

static void print_stream(const struct stream *stream)
{
    char stored[SHA256_TEXT], plain[SHA256_TEXT];
    sha256_text(stream->stored_digest, stored);
    sha256_text(stream->plain_digest, plain);
    printf("stored %s %" PRIu64 "\nplain %s %" PRIu64 "\n", stored,
           stream->stored_bytes, plain, stream->plain_bytes);
}

static int unpack_stream(struct stream *stream, int directory_fd,
                         const struct layer_options *options,
                         const struct tar_limits *limits)
{
    struct layer_counts counts;
    struct tar_reader reader;
    if (tar_reader_start(&reader, stream->name, stream_read, stream, limits) ==
        -1)
        return -1;
    int result = layer_unpack(&reader, directory_fd, options, &counts);
    tar_reader_free(&reader);
    if (result == -1 || stream_finish(stream) == -1)
        return -1;
    print_stream(stream);
    printf("entries %" PRIu64 " bytes %" PRIu64 " devices-left-out %" PRIu64
           " attributes-left-out %" PRIu64 "\n",
           counts.entries, counts.bytes, counts.devices, counts.attributes);
    return 0;
}

static int tool_unpack(char **arguments)
{
    struct tar_limits limits = tar_default_limits;
    struct layer_options options = {0};
    struct stream stream;
    for (; strncmp(arguments[0], "--", 2) == 0; arguments++) {
        if (strcmp(arguments[0], "--devices") == 0)
            options.devices = LAYER_DEVICES_MAKE;
        else if (strcmp(arguments[0], "--no-devices") == 0)
            options.devices = LAYER_DEVICES_LEAVE_OUT;
        else if (strcmp(arguments[0], "--own-all") == 0)
            options.own_all = true;
        else if (strcmp(arguments[0], "--plain-tree") == 0)
            options.plain_tree = true;
        else if (strncmp(arguments[0], "--most-bytes=", 13) == 0)
            limits.bytes = strtoull(arguments[0] + 13, NULL, 10);
        else
            return log_error("no such option: %s", arguments[0]);
    }
    int fd = strcmp(arguments[0], "-") == 0 ? STDIN_FILENO
                                            : open_archive(arguments[0]);
    int directory_fd = open(arguments[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd == -1 || directory_fd == -1)
        return -1;
    int result = stream_open(&stream, arguments[0], fd, UINT64_MAX);
    if (result == 0)
        result = unpack_stream(&stream, directory_fd, &options, &limits);
    stream_close(&stream);
    close(directory_fd);
    close(fd);
    return result;
}

static int tool_pack(char **arguments)
{
    enum stream_format format = STREAM_PLAIN;
    struct stream stream;
    for (; strncmp(arguments[0], "--", 2) == 0; arguments++)
        format =
            strcmp(arguments[0], "--gzip") == 0 ? STREAM_GZIP : STREAM_ZSTD;
    int directory_fd = open(arguments[0], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int fd = open(arguments[1], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd == -1 || directory_fd == -1)
        return (int)log_call(-1, "open", "openat(\"%s\")", arguments[1]);
    int result = stream_create(&stream, arguments[1], fd, format);
    tar_writer_start(&writer, stream_write, &stream);
    if (result == 0 &&
        (layer_pack(directory_fd, arguments[0], &writer) == -1 ||
         tar_writer_finish(&writer) == -1 || stream_finish(&stream) == -1))
        result = -1;
    if (result == 0)
        print_stream(&stream);
    stream_close(&stream);
    close(directory_fd);
    return close(fd) == 0 ? result : -1;
}

/* ---- attributes ---- */

static int tool_attributes(char **arguments)
{
    static char names[65536], value[65536];
    for (; *arguments != NULL; arguments++) {
        ssize_t length = llistxattr(*arguments, names, sizeof names);
        if (length == -1)
            return (int)log_call(-1, "look", "llistxattr(\"%s\")", *arguments);
        for (const char *name = names; name < names + length;
             name += strlen(name) + 1) {
            ssize_t size = lgetxattr(*arguments, name, value, sizeof value);
            printf("%s %s=", *arguments, name);
            for (ssize_t i = 0; i < size; i++)
                printf("%02x", (unsigned char)value[i]);
            putchar('\n');
        }
    }
    return 0;
}

static int tool_set_attribute(char **arguments)
{
    char value[256];
    size_t size = 0;
    for (const char *hex = arguments[2]; hex[0] != '\0' && hex[1] != '\0';
         hex += 2) {
        const char digits[3] = {hex[0], hex[1], '\0'};
        if (size == sizeof value)
            return log_error("too long");
        value[size++] = (char)strtoul(digits, NULL, 16);
    }
    return (int)log_call(lsetxattr(arguments[0], arguments[1], value, size, 0),
                         "set it", "lsetxattr(\"%s\", \"%s\")", arguments[0],
                         arguments[1]);
}

/* ---- containerfile, ignore, expand ---- */

static char *read_whole(const char *path, size_t *size)
{
    static char text[8 << 20];
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        log_call(-1, "read", "openat(\"%s\")", path);
        return NULL;
    }
    *size = fread(text, 1, sizeof text, file);
    fclose(file);
    return text;
}

static void print_pair(const char *before,
                       const struct containerfile_pair *pair)
{
    printf(" %s", before);
    print_text(pair->name);
    if (pair->value != NULL) {
        putchar('=');
        print_text(pair->value);
    }
}

static void print_instruction(const struct containerfile_instruction *one)
{
    printf("%u:%u %s%s", one->line, one->stage,
           containerfile_kind_name(one->kind), one->is_json ? " json" : "");
    for (size_t j = 0; j < one->flag_count; j++)
        print_pair("--", &one->flags[j]);
    for (size_t j = 0; j < one->word_count; j++) {
        putchar(' ');
        print_text(one->words[j]);
    }
    for (size_t j = 0; j < one->pair_count; j++)
        print_pair("", &one->pairs[j]);
    for (size_t j = 0; j < one->heredoc_count; j++) {
        printf(" %s:%s:", one->heredocs[j].name,
               one->heredocs[j].expanded ? "expanded" : "as-it-is");
        print_text(one->heredocs[j].content);
    }
    putchar('\n');
}

static int tool_containerfile(char **arguments)
{
    struct containerfile file;
    size_t size;
    const char *text = read_whole(arguments[0], &size);
    if (text == NULL)
        return -1;
    int result = containerfile_read(&file, arguments[0], text, size);
    for (size_t i = 0; result == 0 && i < file.count; i++)
        print_instruction(&file.instructions[i]);
    containerfile_free(&file);
    return result;
}

static int tool_ignore(char **arguments)
{
    struct ignore ignore;
    size_t size, capacity = 0;
    char *path = NULL;
    ssize_t length;
    const char *text = read_whole(arguments[0], &size);
    if (text == NULL || ignore_read(&ignore, arguments[0], text, size) == -1)
        return -1;
    while ((length = getline(&path, &capacity, stdin)) > 0) {
        path[length - 1] = '\0';
        if (ignore_matches(&ignore, path))
            puts(path);
    }
    free(path);
    ignore_free(&ignore);
    return 0;
}

static const char *look_up_argument(void *context, const char *name)
{
    size_t length = strlen(name);
    for (char **word = context; *word != NULL; word++)
        if (strncmp(*word, name, length) == 0 && (*word)[length] == '=')
            return *word + length + 1;
    return NULL;
}

static int tool_expand(char **arguments)
{
    char *result;
    const char *complaint = expand_word(arguments[0], '\\', look_up_argument,
                                        arguments + 1, &result);
    if (complaint != NULL)
        return log_error("%s", complaint);
    printf("<%s>\n", result);
    free(result);
    return 0;
}

int main(int count, char **words)
{
    static const struct {
        const char *name;
        int (*run)(char **arguments);
        int least;
    } commands[] = {
        {"sha256", tool_sha256, 0},
        {"list", tool_list, 1},
        {"copy", tool_copy, 1},
        {"write", tool_write, 0},
        {"naive", tool_naive, 2},
        {"unpack", tool_unpack, 2},
        {"pack", tool_pack, 2},
        {"attributes", tool_attributes, 1},
        {"containerfile", tool_containerfile, 1},
        {"ignore", tool_ignore, 1},
        {"expand", tool_expand, 1},
        {"set-attribute", tool_set_attribute, 3},
    };
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        if (count >= 2 + commands[i].least &&
            strcmp(commands[i].name, words[1]) == 0)
            return commands[i].run(words + 2) == 0 && fflush(stdout) == 0 ? 0
                                                                          : 125;
    fputs("usage: see the head of tests/image/tool.c\n", stderr);
    return 2;
}
