#pragma once
#include <glib.h>
#include <string.h>

/* Numbers as qcow2 has them: big-endian, at any address. */

static inline guint16
big16 (const guint8 *bytes)
{
  return (guint16)(bytes[0] << 8 | bytes[1]);
}

static inline guint32
big32 (const guint8 *bytes)
{
  guint32 value;
  memcpy (&value, bytes, sizeof value);
  return GUINT32_FROM_BE (value);
}

static inline guint64
big64 (const guint8 *bytes)
{
  guint64 value;
  memcpy (&value, bytes, sizeof value);
  return GUINT64_FROM_BE (value);
}
