/* A tree into YAML. */
#include <string.h>
#include <yaml.h>

#include "train/yaml.h"

static int emit_text(void *data, unsigned char *buffer, size_t size)
{
    struct clg_text *out = data;

    clg_text_append(out, (const char *)buffer, size);
    return !out->failed;
}

static bool has_only_scalars(const struct clg_yaml *node)
{
    for (const struct clg_yaml *child = node->first; child; child = child->next)
        if (child->kind != CLG_YAML_SCALAR)
            return false;
    return true;
}

static bool emit_scalar(yaml_emitter_t *emitter, const char *text, bool plain)
{
    yaml_event_t event;

    return yaml_scalar_event_initialize(
               &event, NULL, NULL, (const unsigned char *)text, (int)strlen(text), 1, 1,
               plain ? YAML_PLAIN_SCALAR_STYLE : YAML_SINGLE_QUOTED_SCALAR_STYLE) &&
           yaml_emitter_emit(emitter, &event);
}

/* Sections and layers get lines of their own, what lies deeper stays on one. */
static bool emit_start(yaml_emitter_t *emitter, const struct clg_yaml *node, int depth)
{
    bool flow = depth > 0 && (depth > 2 || has_only_scalars(node));
    yaml_event_t event;

    if (node->kind == CLG_YAML_LIST)
        return yaml_sequence_start_event_initialize(&event, NULL, NULL, 1,
                                                    flow ? YAML_FLOW_SEQUENCE_STYLE
                                                         : YAML_BLOCK_SEQUENCE_STYLE) &&
               yaml_emitter_emit(emitter, &event);
    return yaml_mapping_start_event_initialize(
               &event, NULL, NULL, 1, flow ? YAML_FLOW_MAPPING_STYLE : YAML_BLOCK_MAPPING_STYLE) &&
           yaml_emitter_emit(emitter, &event);
}

static bool emit_node(yaml_emitter_t *emitter, const struct clg_yaml *node, int depth)
{
    yaml_event_t event;

    if (node->kind == CLG_YAML_SCALAR)
        return emit_scalar(emitter, node->text, node->plain);
    if (!emit_start(emitter, node, depth))
        return false;
    for (const struct clg_yaml *child = node->first; child; child = child->next) {
        if (child->key && !emit_scalar(emitter, child->key, true))
            return false;
        if (!emit_node(emitter, child, depth + 1))
            return false;
    }
    return (node->kind == CLG_YAML_LIST ? yaml_sequence_end_event_initialize(&event)
                                        : yaml_mapping_end_event_initialize(&event)) &&
           yaml_emitter_emit(emitter, &event);
}

static bool emit_document(yaml_emitter_t *emitter, const struct clg_yaml *root)
{
    yaml_event_t event;

    return yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING) &&
           yaml_emitter_emit(emitter, &event) &&
           yaml_document_start_event_initialize(&event, NULL, NULL, NULL, 1) &&
           yaml_emitter_emit(emitter, &event) && emit_node(emitter, root, 0) &&
           yaml_document_end_event_initialize(&event, 1) && yaml_emitter_emit(emitter, &event) &&
           yaml_stream_end_event_initialize(&event) && yaml_emitter_emit(emitter, &event);
}

clg_status clg_yaml_write(const struct clg_yaml *root, struct clg_text *out)
{
    yaml_emitter_t emitter;
    bool ok;

    if (!yaml_emitter_initialize(&emitter))
        return clg_fail(out->ctx, CLG_ERR_MEMORY, "out of memory while writing YAML");
    yaml_emitter_set_output(&emitter, emit_text, out);
    yaml_emitter_set_width(&emitter, -1);
    yaml_emitter_set_unicode(&emitter, 1);
    ok = emit_document(&emitter, root);
    yaml_emitter_delete(&emitter);
    if (!ok)
        return clg_fail(out->ctx, CLG_ERR_MEMORY, "out of memory while writing YAML");
    return CLG_OK;
}
