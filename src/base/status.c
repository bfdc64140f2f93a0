#include <clgrad/status.h>
#include <clgrad/version.h>

const char *clg_status_string(clg_status status)
{
#define CLG_STATUS_CASE(name, text)                                                                \
    case name:                                                                                     \
        return text;
    switch (status) {
        CLG_STATUS_LIST(CLG_STATUS_CASE)
    case CLG_STATUS_COUNT:
        break;
    }
#undef CLG_STATUS_CASE
    return "unknown status";
}

const char *clg_version(void)
{
    return CLG_VERSION_STRING;
}
