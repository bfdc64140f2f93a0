/* Numbers as text, in the C locale whatever the process has set. */
#include "base/text.h"

#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#ifdef __APPLE__
#include <xlocale.h>
#endif

static const char *skip_digits(const char *s)
{
    while (*s >= '0' && *s <= '9')
        s++;
    return s;
}

/* [+-] digits [. digits] [e [+-] digits], at least one digit before the exponent. */
static bool is_decimal(const char *s)
{
    const char *start, *end;
    ptrdiff_t digits;

    if (*s == '+' || *s == '-')
        s++;
    start = s;
    end = s = skip_digits(s);
    digits = end - start;
    if (*s == '.') {
        end = skip_digits(s + 1);
        digits += end - (s + 1);
        s = end;
    }
    if (digits == 0)
        return false;
    if (*s == 'e' || *s == 'E') {
        s++;
        if (*s == '+' || *s == '-')
            s++;
        start = s;
        s = skip_digits(s);
        if (s == start)
            return false;
    }
    return *s == '\0';
}

bool clg_parse_double(const char *s, double *out)
{
    locale_t c, old;
    double value;

    if (!s || !is_decimal(s))
        return false;
    c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (!c)
        return false;
    old = uselocale(c);
    value = strtod(s, NULL);
    uselocale(old);
    freelocale(c);
    if (isinf(value))
        return false;
    *out = value;
    return true;
}

bool clg_parse_int(const char *s, int64_t *out)
{
    const char *digits = s;
    long long value;

    if (!s)
        return false;
    if (*digits == '+' || *digits == '-')
        digits++;
    if (*digits == '\0' || *skip_digits(digits) != '\0')
        return false;
    errno = 0;
    value = strtoll(s, NULL, 10);
    if (errno == ERANGE)
        return false;
    *out = value;
    return true;
}

const char *clg_format_float(float value, char buffer[32])
{
    locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0), old = (locale_t)0;

    if (c)
        old = uselocale(c);
    snprintf(buffer, 32, "%.9g", (double)value);
    if (c) {
        uselocale(old);
        freelocale(c);
    }
    return buffer;
}
