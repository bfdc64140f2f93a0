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

static locale_t use_c(locale_t *old)
{
    locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);

    *old = c ? uselocale(c) : (locale_t)0;
    return c;
}

static void use_again(locale_t c, locale_t old)
{
    if (!c)
        return;
    uselocale(old);
    freelocale(c);
}

const char *clg_format_float(float value, char buffer[32])
{
    locale_t old, c = use_c(&old);

    snprintf(buffer, 32, "%.9g", (double)value);
    use_again(c, old);
    return buffer;
}

double clg_decimal_of(float value)
{
    locale_t old, c = use_c(&old);
    double decimal = (double)value;
    char text[32];

    for (int digits = 1; digits < 10 && isfinite(value); digits++) {
        snprintf(text, sizeof(text), "%.*g", digits, (double)value);
        decimal = strtod(text, NULL);
        if ((float)decimal == value)
            break;
    }
    use_again(c, old);
    return decimal;
}
