#include "base/slab.h"

#include "base/buf.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* A region is what the system gives at a time; each of its pages holds pieces of one size, and begins
 * with its header, which is found from a piece by its address. */
enum {
    PAGE_BYTES = 8192,
    REGION_PAGES = 32,
    REGION_BYTES = PAGE_BYTES * REGION_PAGES,
    CLASSES = 16 + 8 + 8, /* steps of 16 up to 256, of 32 up to 512, of 64 up to 1024 */
};

struct piece {
    struct piece *next;
};
struct region {
    struct region *next;
    char *start, *mapped;
    uint32_t idle;    /* a bit for each page that holds nothing */
    uint32_t touched; /* a bit for each that the system has given memory for */
};
struct page {
    struct page *next, **link; /* of its class's list while it has room */
    struct region *region;
    struct piece *dropped;
    uint16_t live, made, count, size;
    uint64_t unused; /* pieces are 16-aligned */
};
struct slab {
    unsigned refs;
    bool pages;
    struct page *room[CLASSES];
    struct region *regions;
};

#ifdef __SANITIZE_ADDRESS__
enum { PAGES_WANTED = false };
#else
enum { PAGES_WANTED = true };
#endif

static size_t class_of(size_t bytes)
{
    if (bytes <= 256)
        return bytes > 0 ? (bytes - 1) / 16 : 0;
    return bytes <= 512 ? 16 + (bytes - 257) / 32 : 24 + (bytes - 513) / 64;
}

static size_t class_bytes(size_t class)
{
    if (class < 16)
        return (class + 1) * 16;
    return class < 24 ? 256 + (class - 15) * 32 : 512 + (class - 23) * 64;
}

static struct page *page_of(void *piece)
{
    char *at = piece;
    return (struct page *)(void *)(at - ((uintptr_t)at & (PAGE_BYTES - 1)));
}

static void page_link(struct slab *slab, struct page *page, size_t class)
{
    page->next = slab->room[class];
    page->link = &slab->room[class];
    if (page->next != NULL)
        page->next->link = &page->next;
    slab->room[class] = page;
}

static void page_unlink(struct page *page)
{
    *page->link = page->next;
    if (page->next != NULL)
        page->next->link = page->link;
    page->next = NULL;
    page->link = NULL;
}

static struct region *region_map(struct slab *slab)
{
    struct region *region = mem_alloc(sizeof(*region));
    /* One page more than is used: the system aligns to its own, smaller pages. */
    void *mapped = mmap(NULL, REGION_BYTES + PAGE_BYTES, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (mapped == MAP_FAILED)
        mem_exhausted(REGION_BYTES);
    region->mapped = mapped;
    region->start = region->mapped + (-(uintptr_t)region->mapped & (PAGE_BYTES - 1));
    region->idle = UINT32_MAX;
    region->next = slab->regions;
    slab->regions = region;
    return region;
}

static struct page *page_new(struct slab *slab, size_t class)
{
    struct region *region = slab->regions;
    while (region != NULL && region->idle == 0)
        region = region->next;
    if (region == NULL)
        region = region_map(slab);
    uint32_t used = region->idle & region->touched;
    int index = __builtin_ctz(used != 0 ? used : region->idle);
    struct page *page = (struct page *)(void *)(region->start + (size_t)index * PAGE_BYTES);
    size_t size = class_bytes(class);
    region->idle &= ~(UINT32_C(1) << index);
    region->touched |= UINT32_C(1) << index;
    *page = (struct page){.region = region,
                          .count = (uint16_t)((PAGE_BYTES - sizeof(*page)) / size),
                          .size = (uint16_t)size};
    page_link(slab, page, class);
    return page;
}

static void page_idle(struct page *page)
{
    struct region *region = page->region;
    size_t index = (size_t)((char *)page - region->start) / PAGE_BYTES;
    page_unlink(page);
    region->idle |= UINT32_C(1) << index;
}

struct slab *slab_new_as(bool pages)
{
    struct slab *slab = mem_alloc(sizeof(*slab));
    slab->refs = 1;
    slab->pages = pages;
    return slab;
}

struct slab *slab_new(void)
{
    return slab_new_as(PAGES_WANTED);
}

struct slab *slab_ref(struct slab *slab)
{
    slab->refs++;
    return slab;
}

void slab_unref(struct slab *slab)
{
    if (slab == NULL || --slab->refs > 0)
        return;
    while (slab->regions != NULL) {
        struct region *region = slab->regions;
        slab->regions = region->next;
        munmap(region->mapped, REGION_BYTES + PAGE_BYTES);
        free(region);
    }
    free(slab);
}

void *slab_take(struct slab *slab, size_t bytes)
{
    if (bytes > SLAB_PIECE_MAX || !slab->pages)
        return mem_grow(NULL, bytes);
    size_t class = class_of(bytes);
    struct page *page = slab->room[class];
    if (page == NULL)
        page = page_new(slab, class);
    struct piece *piece = page->dropped;
    if (piece != NULL)
        page->dropped = piece->next;
    else
        piece = (struct piece *)(void *)((char *)(page + 1) + (size_t)page->made++ * page->size);
    if (++page->live == page->count)
        page_unlink(page);
    return piece;
}

void slab_drop(struct slab *slab, void *piece, size_t bytes)
{
    if (piece == NULL)
        return;
    if (bytes > SLAB_PIECE_MAX || !slab->pages) {
        free(piece);
        return;
    }
    struct page *page = page_of(piece);
    struct piece *dropped = piece;
    if (page->live == page->count)
        page_link(slab, page, class_of(bytes));
    dropped->next = page->dropped;
    page->dropped = dropped;
    if (--page->live == 0)
        page_idle(page);
}

void *slab_resize(struct slab *slab, void *piece, size_t bytes, size_t bytes_new)
{
    if (piece == NULL)
        return slab_take(slab, bytes_new);
    if (!slab->pages || (bytes > SLAB_PIECE_MAX && bytes_new > SLAB_PIECE_MAX))
        return mem_grow(piece, bytes_new);
    if (bytes <= SLAB_PIECE_MAX && bytes_new <= SLAB_PIECE_MAX &&
        class_of(bytes) == class_of(bytes_new))
        return piece;
    void *moved = slab_take(slab, bytes_new);
    memcpy(moved, piece, bytes < bytes_new ? bytes : bytes_new);
    slab_drop(slab, piece, bytes);
    return moved;
}

static void region_trim(struct region *region)
{
    for (size_t i = 0; i < REGION_PAGES; i++) {
        if ((region->idle & region->touched & (UINT32_C(1) << i)) != 0)
            madvise(region->start + i * PAGE_BYTES, PAGE_BYTES, MADV_DONTNEED);
    }
    region->touched &= ~region->idle;
}

void slab_trim(struct slab *slab)
{
    for (struct region **link = &slab->regions; *link != NULL;) {
        struct region *region = *link;
        if (region->idle == UINT32_MAX) {
            *link = region->next;
            munmap(region->mapped, REGION_BYTES + PAGE_BYTES);
            free(region);
        } else {
            region_trim(region);
            link = &region->next;
        }
    }
}

size_t slab_bytes(const struct slab *slab)
{
    size_t pages = 0;
    for (const struct region *region = slab->regions; region != NULL; region = region->next)
        pages += (size_t)__builtin_popcount(region->touched);
    return pages * PAGE_BYTES;
}
