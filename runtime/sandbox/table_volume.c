#include "sandbox/table_internal.h"

#include <stdlib.h>
#include <string.h>

#define BETA_CLASS "volume.beta.kubernetes.io/storage-class"
#define DEFAULT_CLASS "storageclass.kubernetes.io/is-default-class"

static bool has_mode(const struct jv *modes, const char *wanted)
{
    for (size_t i = 0; i < jv_size(modes); i++) {
        const char *mode = jv_str(jv_at(modes, i));
        if (mode && strcmp(mode, wanted) == 0)
            return true;
    }
    return false;
}

static void cell_modes(struct row *row, const struct jv *modes)
{
    static const char *const names[][2] = {{"ReadWriteOnce", "RWO"},
                                           {"ReadOnlyMany", "ROX"},
                                           {"ReadWriteMany", "RWX"},
                                           {"ReadWriteOncePod", "RWOP"}};
    struct buf text;
    buf_init(&text, 64);
    for (size_t i = 0; i < 4; i++)
        if (has_mode(modes, names[i][0]))
            buf_printf(&text, "%s%s", text.len ? "," : "", names[i][1]);
    cell(row, buf_str(&text));
    buf_deinit(&text);
}

static void cell_phase(struct row *row)
{
    bool going = jv_path(row->object, "metadata", "deletionTimestamp", NULL) != NULL;
    cell(row, going ? "Terminating" : row_str(row->status, "phase"));
}

static void cell_class(struct row *row)
{
    const char *beta = jv_path_str(row->object, "metadata", "annotations", BETA_CLASS, NULL);
    cell(row, beta ? beta : row_str(row->spec, "storageClassName"));
}

static void claim_cells(struct row *row)
{
    const char *volume = row_str(row->spec, "volumeName");
    const char *capacity = jv_path_str(row->status, "capacity", "storage", NULL);
    cell_name(row);
    cell_phase(row);
    cell(row, volume);
    if (*volume)
        cell_or(row, capacity, "0");
    else
        cell(row, "");
    cell_modes(row, *volume ? jv_get(row->status, "accessModes") : NULL);
    cell_class(row);
    cell_or(row, row_str(row->spec, "volumeAttributesClassName"), "<unset>");
    cell_age(row);
    cell_or(row, row_str(row->spec, "volumeMode"), "<unset>");
}

static void volume_cells(struct row *row)
{
    const struct jv *claim = jv_get(row->spec, "claimRef");
    cell_name(row);
    cell_or(row, jv_path_str(row->spec, "capacity", "storage", NULL), "0");
    cell_modes(row, jv_get(row->spec, "accessModes"));
    cell(row, row_str(row->spec, "persistentVolumeReclaimPolicy"));
    cell_phase(row);
    cell_take(row, claim ? mem_printf("%s/%s", row_str(claim, "namespace"), row_str(claim, "name"))
                         : mem_str(""));
    cell_class(row);
    cell_or(row, row_str(row->spec, "volumeAttributesClassName"), "<unset>");
    cell(row, row_str(row->status, "reason"));
    cell_age(row);
    cell_or(row, row_str(row->spec, "volumeMode"), "<unset>");
}

static void storage_class_cells(struct row *row)
{
    const char *standard = jv_path_str(row->object, "metadata", "annotations", DEFAULT_CLASS, NULL);
    bool is_default = standard && strcmp(standard, "true") == 0;
    cell_take(row, mem_printf("%s%s", jv_path_str(row->object, "metadata", "name", NULL),
                              is_default ? " (default)" : ""));
    cell(row, row_str(row->object, "provisioner"));
    cell_or(row, row_str(row->object, "reclaimPolicy"), "Delete");
    cell_or(row, row_str(row->object, "volumeBindingMode"), "Immediate");
    jv_append(row->cells, jv_bool(jv_bool_value(jv_get(row->object, "allowVolumeExpansion"))));
    cell_age(row);
}

const struct printer table_volume_printers[] = {
    {"PersistentVolumeClaim",
     "Name|Status|Volume|Capacity|Access Modes|StorageClass|VolumeAttributesClass|Age|+VolumeMode",
     claim_cells},
    {"PersistentVolume",
     "Name|Capacity|Access Modes|Reclaim Policy|Status|Claim|StorageClass|VolumeAttributesClass|"
     "Reason|Age|+VolumeMode",
     volume_cells},
    {"StorageClass", "Name|Provisioner|ReclaimPolicy|VolumeBindingMode|AllowVolumeExpansion|Age",
     storage_class_cells},
    {NULL, NULL, NULL},
};
