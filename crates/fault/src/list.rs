//! The list: one line a code, sorted. Adding a code is a line here and a page in `docs/errors/`; a code is never reused.
//!
//! Columns: code, slug, title, retry, HTTP status, SQLSTATE when Postgres raises it, and the help shown when the fault brings none.

use crate::code::{Code, Retry::*, codes};

codes! {
    // 0 start-up and configuration
    SH0001 postgres_binaries_missing "postgres binaries missing" AfterFix 500 None, "install PostgreSQL 15 or newer, or set `DATABASE_URL`";
    SH0002 postgres_too_old "postgres too old" AfterFix 500 None, "upgrade the server to PostgreSQL 15 or newer";
    SH0003 data_folder_unreachable "data folder unreachable" AfterFix 500 None, "choose a folder this user can create and write";
    SH0004 initdb_failed "initdb failed" AfterFix 500 None, "read the last lines of initdb below and remove the half-made folder";
    SH0005 server_did_not_start "server did not start" Later 503 None, "read the last lines of `server.log` in the data folder";
    SH0006 data_folder_owned_elsewhere "data folder owned elsewhere" Later 409 None, "attach to the running one, or stop it first";
    SH0007 socket_path_too_long "socket path too long" AfterFix 500 None, "choose a data folder with a shorter path";
    SH0008 database_unreachable "database unreachable" Later 503 None, "check that the server runs and that `DATABASE_URL` is right";
    SH0009 config_invalid "config invalid" AfterFix 500 None, "correct the setting named in the message";
    SH0010 app_not_applied "app not applied" AfterFix 503 Some("S0010"), "run `statehouse apply`";
    SH0011 engine_schema_mismatch "engine schema mismatch" AfterFix 503 Some("S0011"), "run the binary of the same release";

    // 1 request
    SH1001 usage "wrong usage" AfterFix 400 None, "see `statehouse help`";
    SH1002 unknown_record "unknown record" Refresh 404 Some("S1002"), "check the id, or ask someone who may see the record";
    SH1003 unknown_entity "unknown entity" AfterFix 404 Some("S1003"), "use one of the entities of the app";
    SH1004 import_file_invalid "import file invalid" AfterFix 422 None, "correct the cell and import the file again";
    SH1005 bulk_partly_refused "bulk partly refused" AfterFix 207 None, "look at the refused items and send only those again";

    // 2 identity and permission
    SH2001 no_session "no session" AfterFix 401 Some("S2001"), "call `statehouse.enter(key)` first in this transaction";
    SH2002 session_unknown_or_expired "session unknown or expired" AfterFix 401 Some("S2002"), "sign in again";
    SH2003 key_not_accepted "key not accepted" AfterFix 401 Some("S2003"), "use a living key of this tenant";
    SH2004 role_not_held "role not held" AfterFix 403 Some("S2004"), "choose a role you hold in this tenant";
    SH2005 session_changed "session changed within the statement" Never 403 Some("S2005"), "enter once, before the statement";
    SH2006 door_not_for_this_kind "door not for this kind of actor" Never 403 Some("S2006"), "use the door meant for this kind of actor";
    SH2010 permission_denied "permission denied" Never 403 Some("42501"), "use the views of your role";
    SH2011 tenant_suspended "tenant suspended" Later 403 Some("S2011"), "ask the operator to lift the suspension";

    // 3 definition
    SH3001 not_yaml "not yaml" AfterFix 422 None, "correct the indentation or quoting at this place";
    SH3002 unknown_key "unknown key" AfterFix 422 None, "use one of the keys that may stand here";
    SH3003 duplicate_key "duplicate key" AfterFix 422 None, "keep one of the two";
    SH3004 yaml_feature_refused "anchor alias or tag refused" AfterFix 422 None, "write the value out";
    SH3005 missing_key "missing key" AfterFix 422 None, "add the key named in the message";
    SH3006 wrong_type "wrong type of value" AfterFix 422 None, "write a value of the expected type";
    SH3007 bad_name "bad name" AfterFix 422 None, "choose a lower-case name of letters, digits and `_`";
    SH3010 unknown_field "unknown field" AfterFix 422 None, "use a declared field, or declare this one";
    SH3011 unknown_state "unknown state" AfterFix 422 None, "use a declared state, or declare this one";
    SH3012 unknown_role "unknown role or capability" AfterFix 422 None, "use one declared in `app.yaml`";
    SH3013 unknown_entity_named "unknown entity named" AfterFix 422 None, "use a declared entity, or add its file";
    SH3014 unknown_verb "unknown verb" AfterFix 422 None, "use a declared transition, or declare this one";
    SH3015 no_single_initial_state "no single initial state" AfterFix 422 None, "mark exactly one state `initial: true`";
    SH3016 unreachable_state "unreachable state" AfterFix 422 None, "add a transition that leads to it, or remove the state";
    SH3017 dead_end_state "dead end" AfterFix 422 None, "add a way out, or mark it `final: true`";
    SH3018 final_state_with_way_out "final state with a way out" AfterFix 422 None, "remove `final`, or the transition";
    SH3019 nobody_may_fire "nobody may fire" AfterFix 422 None, "name who may, under `by`";
    SH3020 fires_what_it_cannot_see "fires what it cannot see" AfterFix 422 None, "let the role see the record, or take it out of `by`";
    SH3021 waits_unseen "state waits unseen" AfterFix 422 None, "say how long it may wait, and who sees it";
    SH3022 text_missing_in_locale "text missing in a locale" AfterFix 422 None, "add the text in this locale";
    SH3023 expression_unreadable "expression unreadable" AfterFix 422 None, "write one SQL expression";
    SH3024 expression_not_allowed "expression not allowed" AfterFix 422 None, "use an allowed function, or write one in `sql/`";
    SH3025 unknown_column "unknown column in expression" AfterFix 422 None, "use a field of this entity";
    SH3026 expression_type "type of expression wrong" AfterFix 422 None, "cast it, or compare values of one type";
    SH3027 row_rule_shape "row rule cannot use an index" AfterFix 422 None, "write `column = scalar()` or `column = any(set())`";
    SH3028 policy_cycle "policies in a circle" AfterFix 422 None, "let one of the rules stand on its own";
    SH3029 guard_not_boolean "guard not boolean" AfterFix 422 None, "write a condition that is true or false";
    SH3030 computed_cycle "computed fields in a circle" AfterFix 422 None, "let one of the fields stand on its own";
    SH3031 effect_unclear "effect without class or connector" AfterFix 422 None, "declare the connector, with its class";
    SH3032 money_without_currency "money without currency" AfterFix 422 None, "add a `currency` field, or name the currency";
    SH3033 unknown_unit "unknown unit or duration" AfterFix 422 None, "write a number and a unit, such as `72 hours`";
    SH3034 rule_table_malformed "rule table malformed" AfterFix 422 None, "correct the column or cell named";
    SH3035 rules_overlap "rules overlap" AfterFix 422 None, "end one of the two before the other begins";
    SH3036 rule_without_provenance "rule without provenance" AfterFix 422 None, "say where the row comes from, in `source`";
    SH3037 calculator_malformed "calculator malformed" AfterFix 422 None, "correct the part named in the message";
    SH3038 rollup_malformed "rollup malformed" AfterFix 422 None, "write `sum(children.field)` or another fold";
    SH3039 cascade_loop "cascade in a loop" AfterFix 422 None, "break the circle, or give a guard that ends it";
    SH3040 lock_target_unknown "lock target unknown" AfterFix 422 None, "name a reference of this entity";
    SH3041 edit_not_possible "edit not possible" AfterFix 422 None, "name fields a person may write";
    SH3042 required_but_not_settable "required but nobody can set it" AfterFix 422 None, "let a role edit it, or set it in a transition";
    SH3043 verbs_alike "verbs alike" AfterFix 422 None, "check that both are meant";
    SH3044 unused_declaration "unused declaration" AfterFix 422 None, "remove it, or use it";
    SH3045 reference_malformed "reference pattern malformed" AfterFix 422 None, "write text with one `{number:N}`";
    SH3046 file_in_wrong_place "file in the wrong place" AfterFix 422 None, "move it where its kind belongs, or remove it";
    SH3047 more_faults_not_shown "more faults not shown" AfterFix 422 None, "fix the ones shown first";
    SH3050 drift_found "drift found" AfterFix 409 None, "let `apply` put it back, or adopt the change into the definition";
    SH3051 destructive_needs_allow "destructive step needs allow" AfterFix 409 None, "read the step, then pass `--allow-destroy NAME` for it";
    SH3052 records_need_mapping "records need a mapping" AfterFix 409 None, "say where they go, in the file given by `--mapping`";
    SH3053 plan_stale "plan stale" Refresh 409 None, "plan again and read the new one";
    SH3054 foreign_trigger "foreign trigger on our table" AfterFix 409 None, "drop the trigger, or put its work into a transition";
    SH3055 step_blocked "step cannot be carried out" AfterFix 409 None, "change the definition in two steps, or prepare the rows first";

    // 4 transition
    SH4001 no_such_verb "no such verb" AfterFix 404 Some("S4001"), "use one of the verbs of this entity";
    SH4002 not_open_from_state "not open from this state" Refresh 409 Some("S4002"), "fetch the record again and choose a verb that is open";
    SH4003 not_for_this_role "verb not for this role" Never 403 Some("S4003"), "ask a member who holds one of the named roles";
    SH4004 guard_refused "guard refused" AfterFix 422 Some("S4004"), "do what the guard asks for, then try again";
    SH4005 field_not_editable "field not editable" AfterFix 403 Some("S4005"), "leave the field out, or edit it in a state that allows it";
    SH4006 required_field_missing "required field missing" AfterFix 422 Some("S4006"), "fill in the named fields";
    SH4007 move_ambiguous_or_impossible "move ambiguous or impossible" AfterFix 422 Some("S4007"), "name the verb with `fire`";
    SH4008 state_contradicts_fire "state contradicts fire" AfterFix 422 Some("S4008"), "leave `state` out: the verb decides it";
    SH4009 input_not_accepted "input not accepted" AfterFix 422 Some("S4009"), "send only the inputs the verb declares, in their types";
    SH4010 must_begin_in_initial_state "record must begin in its initial state" AfterFix 422 Some("S4010"), "insert without `state`, then move it";
    SH4011 no_single_rule "no single rule matches" AfterFix 422 Some("S4011"), "correct the rule table so that exactly one row matches";
    SH4012 stale_version "stale version" Refresh 409 Some("40001"), "fetch the record again and decide on its new state";
    SH4013 cascade_too_deep "cascade too deep" AfterFix 422 Some("S4013"), "break the circle of `auto` and `each`";
    SH4014 never_deleted "records are never deleted" Never 405 Some("S4014"), "move the record to a final state instead";
    SH4015 effect_arguments_too_large "effect arguments too large" AfterFix 413 Some("S4015"), "send a reference instead of the content";
    SH4016 deadline_passed "deadline passed" Never 409 Some("S4016"), "the deadline has decided; look at the record's new options";
    SH4017 cascade_refused "cascade refused" AfterFix 422 Some("S4017"), "resolve the inner refusal, then try again";
    SH4018 key_used_with_another_body "key used with another body" Never 422 Some("S4018"), "use a new idempotency key for a new request";
    SH4019 allocation_impossible "allocation impossible" AfterFix 422 Some("S4019"), "correct the amounts or weights to be allocated";

    // 5 storage
    SH5001 storage_failed "storage failed" Later 500 None, "try again, and give the request id to the operator if it stays";
    SH5002 serialization_or_deadlock "serialization failure or deadlock" Later 409 Some("40001"), "try the same request again";
    SH5003 statement_timeout "statement timeout" Later 503 Some("57014"), "try again with less to read, or raise `statement_timeout`";
    SH5004 lock_timeout "lock timeout" Later 503 Some("55P03"), "try again in a moment";
    SH5005 too_many_connections "too many connections" Later 503 Some("53300"), "try again in a moment, or lower the pool sizes";
    SH5006 disk_full "disk full" Later 503 Some("53100"), "free space on the disk of the database";
    SH5007 connection_lost "connection lost" Later 503 Some("08006"), "repeat it with the same idempotency key";
    SH5010 unique_violated "value already taken" AfterFix 409 Some("23505"), "choose another value";
    SH5011 check_violated "check constraint violated" AfterFix 422 Some("23514"), "correct the value";
    SH5012 reference_violated "reference to nothing" AfterFix 422 Some("23503"), "refer to a record of this tenant that exists";
    SH5013 null_violated "value missing" AfterFix 422 Some("23502"), "give the named column a value";
    SH5014 exclusion_violated "overlaps another" AfterFix 409 Some("23P01"), "choose a range that is free";
    SH5015 value_unreadable "value unreadable" AfterFix 422 Some("22P02"), "write the value in the form of its type";
    SH5020 audit_chain_broken "audit chain broken" Never 500 None, "keep a copy of the database and compare it with a backup";
    SH5021 audit_anchor_mismatch "audit anchor missing or different" Never 500 None, "compare the last anchor with a copy kept outside";

    // 8 limits
    SH8001 too_large "too large" AfterFix 413 Some("S8001"), "send less, or in several parts";
    SH8002 too_many "too many" Later 429 Some("S8002"), "send fewer at a time, or slow down";

    // 9 our bug
    SH9001 our_bug "our bug" Never 500 Some("S9001"), "report it with the request id";
}
