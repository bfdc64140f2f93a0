/* clgrad/clgrad.h: everything of libclgrad but the OpenCL bridge.
 *
 * Contracts that hold for every header:
 * - Every function that can fail returns a clg_status or NULL, and leaves a sentence in
 *   clg_error(ctx). A NULL object in gives NULL or CLG_ERR_ARGUMENT out, so a chain of calls may be
 *   checked at its end.
 * - NULL is refused where nothing is said of it, by CLG_ERR_ARGUMENT, NULL or an invalid tensor. Where
 *   another argument leads to the context, the sentence names the function and the argument; where none
 *   does, nothing is written and clg_error() of every context stays what it was.
 * - Ownership is a tree: context, devices, stores, graphs and optimizers, plans. Destroying an
 *   object destroys what was made from it. Destroy functions take a pointer to the pointer, accept
 *   NULL, and set it to NULL. Strings and structures that a getter lends belong to the object.
 * - Options are structures: NULL for the defaults, or take clg_x_defaults() and change fields.
 * - The library never exits, prints, or changes the environment or the locale. It reads the
 *   environment in one place (docs/environment.md).
 * - After a device is lost every call on it fails at once, and destroying it does not wait. */
#ifndef CLGRAD_H
#define CLGRAD_H

#include <clgrad/version.h>
#include <clgrad/context.h>
#include <clgrad/device.h>
#include <clgrad/store.h>
#include <clgrad/graph.h>
#include <clgrad/ops.h>
#include <clgrad/nn.h>
#include <clgrad/optim.h>
#include <clgrad/schedule.h>
#include <clgrad/plan.h>

#endif
