-- Says who asks, for this transaction only; no index.
select set_config('statehouse.session', $1, true), set_config('statehouse.locale', $2, true)
