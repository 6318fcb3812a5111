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
    SH0012 server_not_durable "server not durable" AfterFix 503 None, "set it to `on` in the server's configuration, and see that no role or database has a setting of its own";

    // 1 request
    SH1001 usage "wrong usage" AfterFix 400 None, "see `statehouse help`";
    SH1002 unknown_record "unknown record" Refresh 404 Some("S1002"), "check the id, or ask someone who may see the record";
    SH1003 unknown_entity "unknown entity" AfterFix 404 Some("S1003"), "use one of the entities of the app";
    SH1004 import_file_invalid "import file invalid" AfterFix 422 None, "correct the cell and import the file again";

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
    SH3048 outsider_may_too_much "link or form not sound" AfterFix 422 None, "give people without an account one record or one form, and no more";
    SH3049 name_taken "name taken by a route" AfterFix 422 None, "choose another name for the entity";
    SH3050 pattern_malformed "pattern malformed" AfterFix 422 None, "write a path such as `{body.id}`, or `{{` for a brace";
    SH3051 destructive_needs_allow "destructive step needs allow" AfterFix 409 None, "read the step, then pass `--allow-destroy NAME` for it";
    SH3052 records_need_mapping "records need a mapping" AfterFix 409 None, "say where they go, in the file given by `--mapping`";
    SH3053 plan_stale "plan stale" Refresh 409 None, "plan again and read the new one";
    SH3054 foreign_trigger "foreign trigger on our table" AfterFix 409 None, "drop the trigger, or put its work into a transition";
    SH3055 step_blocked "step cannot be carried out" AfterFix 409 None, "change the definition in two steps, or prepare the rows first";
    SH3056 hole_unknown "hole names nothing" AfterFix 422 None, "name something that is known at this place";
    SH3057 wire_not_sound "connector's wire not sound" AfterFix 422 None, "correct how the connector is reached, as the message says";
    SH3058 call_not_sound "call not sound" AfterFix 422 None, "give the call a claim state of its own, its outcomes, and somebody who may resolve it";
    SH3059 inbox_not_sound "inbox not sound" AfterFix 422 None, "name a scheme that proves the message, or fetch the fact";
    SH3060 message_cannot_move "message that cannot move a record" AfterFix 422 None, "name a unique field and a verb that `connector` may fire";
    SH3061 schedule_not_sound "schedule not sound" AfterFix 422 None, "correct its times, its calendar or its verb";
    SH3062 pages_not_sound "pages not sound" AfterFix 422 None, "say how the next page is asked for, and where the list ends";
    SH3063 connector_speaks_otherwise "connector speaks otherwise under its version" AfterFix 409 None, "give the connector a new `version`";

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
    SH4018 key_used_with_another_body "key used with another body" Never 422 Some("S4018"), "use a new idempotency key for a new request";
    SH4019 allocation_impossible "allocation impossible" AfterFix 422 Some("S4019"), "correct the amounts or weights to be allocated";
    SH4020 ref_out_of_sight "no such record to refer to" AfterFix 422 Some("S4020"), "name a record you can see";
    SH4021 call_in_flight "call in flight" Later 409 Some("S4021"), "wait for its outcome, then decide again";

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

    // 6 effects, timers, messages; from 60 on: the faces
    SH6001 json_unreadable "json unreadable" AfterFix 400 None, "send a JSON object of the form the route takes";
    SH6002 unknown_key_sent "unknown key sent" AfterFix 400 None, "leave the key out; the route's description names those it takes";
    SH6003 body_too_large "body too large" AfterFix 413 None, "send less, or upload it as a file in pieces";
    SH6004 media_type_not_taken "media type not taken" AfterFix 415 None, "send `content-type: application/json`";
    SH6005 method_not_taken "method not taken" AfterFix 405 None, "use one of the methods named in `allow`";
    SH6006 no_such_route "no such route" AfterFix 404 None, "see `/openapi.json` for what there is";
    SH6007 rate_limited "rate limited" Later 429 None, "wait as long as `retry-after` says, and send fewer at a time";
    SH6008 overloaded "overloaded" Later 503 None, "wait as long as `retry-after` says, then try again";
    SH6009 request_too_slow "request too slow" Later 408 None, "send the request without pauses";
    SH6010 query_unreadable "query unreadable" AfterFix 400 None, "correct the filter, sort, limit or cursor named";
    SH6011 precondition_required "precondition required" AfterFix 428 None, "fetch the record and send its `etag` as `if-match`";
    SH6012 headers_too_large "headers too large" AfterFix 431 None, "send fewer and shorter headers";
    SH6013 shutting_down "shutting down" Later 503 None, "try again; another process answers or this one is back soon";
    SH6014 version_moved_on "version moved on" Refresh 412 None, "fetch the record again and decide on its new state";
    SH6020 idempotency_key_unreadable "idempotency key not accepted" AfterFix 400 None, "send one of 1 to 200 letters, digits and `_.:-`";
    SH6101 unknown_upload "unknown upload" Refresh 404 Some("S6101"), "begin the upload anew";
    SH6102 upload_offset_wrong "upload stands elsewhere" Refresh 409 Some("S6102"), "ask where the upload stands, and go on from there";
    SH6103 upload_not_whole "upload not whole" AfterFix 409 Some("S6103"), "send the rest, then finish";
    SH6104 upload_part_malformed "part of an upload malformed" AfterFix 400 Some("S6104"), "send parts of 64 KiB to 1 MiB that end where the file ends";
    SH6105 file_not_accepted "description of a file not accepted" AfterFix 422 Some("S6105"), "correct the name, the media type or the size";
    SH6106 file_too_large "file too large" Never 413 Some("S6106"), "send a smaller file";
    SH6107 too_many_uploads "too many uploads open" Later 429 Some("S6107"), "finish or abandon one of them";
    SH6108 file_not_yours "file not yours to attach" AfterFix 422 Some("S6108"), "upload the file yourself, then attach it within a day";
    SH6109 range_not_satisfiable "range not satisfiable" AfterFix 416 None, "ask for bytes that the file has";
    SH6110 file_differs "not what was sent" AfterFix 422 Some("S6110"), "begin the upload anew";
    SH6201 feed_cursor_too_old "history before the cursor is gone" Never 410 None, "begin anew with `after=begin`, or read the records and go on with `after=now`";
    SH6202 feed_cursor_unknown "cursor not of this feed" AfterFix 400 None, "send a cursor as this feed gave it, or `after=begin` or `after=now`";
    SH6203 feed_reader_too_slow "reader too slow" Later 503 None, "come back with the last id you have; read faster, or ask for fewer entities";
    SH6204 feed_readers_too_many "too many readers of the feed" Later 429 None, "end a stream first, and share one stream within a process";
    SH6205 feed_entity_unknown "no such entity in the feed" AfterFix 422 None, "name entities whose records you see";
    SH6210 subscription_malformed "subscription not accepted" AfterFix 422 None, "correct the named part";
    SH6211 subscriptions_without_secret "no secret for webhooks" Never 409 None, "set `webhooks.master_secret` in the settings of the server";
    SH6212 subscriptions_too_many "too many subscriptions" AfterFix 409 Some("S6212"), "remove one that is not needed any more";
    SH6301 link_not_accepted "link not accepted" Never 403 Some("S6301"), "ask whoever sent it for a new one";
    SH6302 link_unknown "no such kind of link" AfterFix 422 Some("S6302"), "name one of the links of the app";
    SH6303 link_not_yours "link not yours to make" Never 403 Some("S6303"), "ask somebody whose role may";
    SH6304 form_unknown "no such form" Never 404 Some("S6304"), "check the address of the form";
    SH6305 form_sent_too_often "form sent too often" Later 429 Some("S6305"), "try again later";
    SH6306 links_too_many "too many links to a record" AfterFix 409 Some("S6306"), "revoke links that are not needed any more";
    SH6307 page_not_ours "not sent from our page" AfterFix 403 None, "open the page again and press the button there";
    SH6401 follows_a_refused "follows a refused move" AfterFix 409 None, "look at the move before it, and decide again on both";
    SH6402 key_in_flight "first request under way" Later 409 None, "send the same request with the same key again in a moment";
    SH6501 grants_beyond_own "beyond what you hold" Never 403 Some("S6501"), "ask a member who holds as much";
    SH6502 own_rights "own rights" Never 403 Some("S6502"), "ask another member who holds `members.manage`";
    SH6503 last_manager "last who manages members" AfterFix 409 Some("S6503"), "give `members.manage` to somebody else first";
    SH6504 sign_in_by_mail_off "sign-in by mail is off" Never 503 None, "set `people.sign_in_secret` in the settings of the server";
    SH6505 capability_not_held "capability not held" Never 403 Some("S6505"), "ask a member who holds it";
    SH6506 tenant_limit_reached "limit of the tenant reached" AfterFix 409 Some("S6506"), "end what is not needed any more, or ask the operator for a higher limit";
    SH6507 member_already "member already" Refresh 409 Some("S6507"), "change the member instead";
    SH6508 role_unknown "no such role for members" AfterFix 422 Some("S6508"), "choose one of the roles of the app";
    SH6509 sign_in_not_accepted "sign-in link not accepted" AfterFix 401 Some("S6509"), "ask for a new link: it works once, within 15 minutes";
    SH6510 tenant_to_be_chosen "tenant to be chosen" AfterFix 409 Some("S6510"), "name one of the tenants";
    SH6511 rule_overlaps_another "rule overlaps another" AfterFix 409 Some("S6511"), "end the other row before this one begins";
    SH6512 rule_is_history "rule is history" Never 409 Some("S6512"), "add a row that holds from today or later";
    SH6513 rule_row_malformed "row of a rule table malformed" AfterFix 422 Some("S6513"), "send the columns of the table";
    SH6601 token_not_accepted "token not accepted" AfterFix 401 None, "send a token of the issuer, as it was made";
    SH6602 token_key_unknown "token of an unknown key" AfterFix 401 None, "use a living key of the issuer, and name it in `kid`";
    SH6603 token_not_valid_now "token not valid now" AfterFix 401 None, "get a new token; if it is new, check the clocks";
    SH6604 token_for_another "token for somebody else" AfterFix 401 None, "ask the issuer for a token with the `iss` and `aud` of the settings";
    SH6605 token_claim_missing "claim missing in token" AfterFix 401 None, "have the issuer put the named claim into the token";
    SH6606 csrf_token_wrong "csrf token missing or wrong" AfterFix 403 None, "send the `csrf` of the answer to signing in as `x-csrf-token`";

    // 7 what goes out and comes in: calls, messages, timers, the sandbox
    SH7001 destination_refused "destination refused" AfterFix 502 None, "name the host in the connector's `hosts`, and let it lead to an address that is outside";
    SH7002 call_not_prepared "call not prepared" AfterFix 500 None, "give the connector's action the argument or setting that is named";
    SH7003 secret_missing "secret missing" AfterFix 500 None, "put the secret into the file of secrets or into `STATEHOUSE_SECRET_…`";
    SH7004 refused_by_provider "refused by the provider" Never 502 None, "read what the provider answered, correct the record, and decide again";
    SH7005 provider_not_reached "provider not reached" Later 502 None, "nothing to do: it is tried again; look at the network if it goes on";
    SH7006 outcome_in_doubt "outcome in doubt" Later 504 None, "look at the provider whether it happened before anything is sent again";
    SH7007 provider_busy "provider busy" Later 503 None, "nothing to do: it is tried again when the provider said, or later";
    SH7008 secrets_unreadable "secrets cannot be read" AfterFix 500 None, "correct the file of secrets at the place named";
    SH7009 list_not_whole "list cannot be read whole" AfterFix 502 None, "compare `pages` of the inbox with what the source documents about its lists";
    SH7020 lease_lost "lease lost" Refresh 409 Some("S7020"), "let it be: whoever holds the effect now settles it";
    SH7021 effect_not_unknown "effect not unknown" Refresh 409 Some("S7021"), "look at the effect again; a call is resolved by its record's own verbs";
    SH7022 evidence_missing "evidence missing" AfterFix 422 Some("S7022"), "say in a few words what you go by";
    SH7023 effect_law_broken "effect against its law" Never 500 Some("S7023"), "send this with the request id to whoever runs the server";
    SH7024 call_without_move "call settled without its move" Never 500 Some("S7024"), "fire the outcome verb in the transaction that settles the call";
    SH7025 database_not_greeted "database not where it was" Refresh 503 Some("S7025"), "greet the database, then claim again; a worker does so by itself";
    SH7026 delivery_law_broken "message to a subscriber against its law" Never 500 Some("S7026"), "send this with the request id to whoever runs the server";
    SH7101 message_forged "message not its sender's own" AfterFix 401 None, "sign it with a living secret of this source, and send it within five minutes";
    SH7102 message_for_another_account "message of another account" AfterFix 403 Some("S7102"), "send it to the address of its own account";
    SH7104 message_in_conflict "message in conflict with another" Never 409 None, "ask its sender which of the two is meant";
    SH7105 message_repeats "message repeats what has happened" Never 409 None, "nothing to do: the record has made this move";
    SH7106 message_too_late "message too late" Never 409 None, "look at the record, and decide by hand what is still to be done";
    SH7107 message_without_record "no record for the message" Refresh 404 None, "look up what the sender means, then replay the message or leave it";
    SH7108 message_given_up "message given up" AfterFix 500 None, "look at the log of the worker, then replay the message";
    SH7110 message_not_judged "message cannot be judged" Later 503 None, "send it again later; meanwhile look whether the source is declared and its secrets are there";
    SH7120 message_law_broken "message against its law" Never 409 Some("S7120"), "see what state the message is in now";
    SH7121 message_type_unknown "unknown type of message" AfterFix 422 None, "say in the inbox what the type means, or list it under `ignore`, then replay the message";
    SH7122 message_contradicted "message contradicted by its sender" Never 409 None, "look the object up with the sender; the message alone proves nothing";
    SH7123 message_put_away "message put away" Never 409 None, "nothing to do: somebody said that it is not to be looked at; replay it if they were wrong";
    SH7201 slot_law_broken "slot against its law" Never 409 Some("S7201"), "open the next slot";
    SH7301 sandbox_log_unusable "log of the sandbox cannot be used" AfterFix 500 None, "name a file this user can write and no other sandbox uses";
    SH7302 sandbox_not_obeyed "not something the sandbox can do" AfterFix 400 None, "see `/` of the sandbox for what it takes";

    // 8 limits
    SH8001 too_large "too large" AfterFix 413 Some("S8001"), "send less, or in several parts";
    SH8002 too_many "too many" Later 429 Some("S8002"), "send fewer at a time, or slow down";

    // 9 our bug
    SH9001 our_bug "our bug" Never 500 Some("S9001"), "report it with the request id";
}
