/* SPDX-License-Identifier: Apache-2.0 */
/* The handlers that routes.c names; each is in the file named after what is asked for. */
#ifndef REPLICA_MOD_HANDLERS_H
#define REPLICA_MOD_HANDLERS_H

#include "mod_replica/routes.h"

route_handler handle_robots;           /* robots.c */
route_handler handle_meta_file;        /* meta_file.c */
route_handler handle_open_meta_file;   /* meta_file.c: may be read by scripts */
route_handler handle_master_replica;   /* master_replica.c */
route_handler handle_alternative_path; /* alternative_path.c */
route_handler handle_object;           /* object.c */
route_handler handle_info;             /* info.c */
route_handler handle_key_file;         /* key_file.c */
route_handler handle_geo;              /* geo.c */
route_handler handle_status_page;      /* status.c */
route_handler handle_status_metrics;   /* status.c */
route_handler handle_status_json;      /* status.c */
route_handler handle_call;             /* call.c */
route_handler call_clean, call_notify; /* also, for repository_file.c */
route_handler handle_repository_files; /* repository_files.c */
route_handler handle_repository_file;  /* repository_file.c */

#endif
