/* The parts of a manager: its life (manager.c), its start and end (manager_phase.c), what it tells
 * about itself (manager_report.c). */
#ifndef NEMETON_CONTROL_MANAGER_INTERNAL_H
#define NEMETON_CONTROL_MANAGER_INTERNAL_H

#include "control/controller.h"
#include "control/manager.h"
#include "control/policies.h"
#include "kube/lease.h"

enum manager_phase {
    PHASE_NEW,
    PHASE_CONNECTING, /* asks for the server's version until it answers */
    PHASE_RUNNING,
    PHASE_DRAINING,
    PHASE_EXITING,
};

struct manager {
    struct manager_options options;
    char *name, *identity, *lease_namespace, *policy_namespace, *policy_dir, *host;
    char **namespaces, **ignored_namespaces, **disabled_controllers;
    enum manager_phase phase;
    struct rest *rest;
    struct discovery *discovery;
    struct informer_set *informers;
    struct event_recorder *events;
    struct gate *gate;
    struct effects_shared *effects;
    struct policies *policies;
    struct lease *lease;
    struct run_slots slots;
    struct controller **controllers;
    size_t controller_count;
    struct controller **retired; /* their last runs are under way */
    size_t retired_count;
    bool leading, was_ready, pinging;
    bool held_back;      /* a key could not start though a slot was free */
    int64_t rested_ms;   /* when memory was given back last */
    int64_t deadline_ms; /* of the phase */
    int64_t began_ms;    /* to connect */
    unsigned tries;      /* to connect; told at the 1st, 2nd, 4th, 8th … */
    struct err connect_err;
    struct loop_timer *timer;       /* of the phase */
    struct loop_timer *sweep_timer; /* retired controllers are looked through */
    struct loop_timer *rest_timer;  /* runs have ended lately */
    struct loop_timer *exit_timer;  /* on_exit is on its way */
    struct manager_end end;
    char *end_why;
};

/* manager_phase.c */
void manager_exit(struct manager *manager, enum manager_end_reason reason, const char *why);
void manager_connect(struct manager *manager);
void manager_pump(struct manager *manager);
bool manager_has_room(void *arg);

/* manager_report.c */
void manager_scrape(void *arg, struct metrics *metrics);
void manager_on_request(void *arg, const struct rest_sent *sent);

#endif
