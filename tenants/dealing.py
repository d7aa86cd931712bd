"""The one question of every claim, as SQL: which lane goes next, which item of it, and what it is charged beforehand.

tenants.agenda asks it and says what its answers mean. Here are only statements, put together from parts in this file.
"""

from __future__ import annotations

# Kinds that are dealt while sending is stopped.
_SENDS_NOTHING = (
    "('import', 'attribute', 'proof', 'judgement', 'signal', 'mailbox', 'tally', 'notice', 'guard', 'vitals', 'digest')"
)
# Kinds that only count what has happened: while others have something to do they wait, for so long.
ONLY_COUNTS = "('tally', 'vitals', 'proof', 'digest')"
PATIENCE = 30.0  # seconds
# Kinds that wait for somebody outside: only those say how long such a turn takes the next time.
CALLS_OUT = frozenset({"batch", "unknown", "mailbox", "notice", "digest"})

NOT_STOPPED = f"""(item.kind IN {_SENDS_NOTHING}
                   OR NOT EXISTS (SELECT FROM public.tenants_stop WHERE retailer_id IS NULL)
                  AND item.retailer_id NOT IN
                      (SELECT retailer_id FROM public.tenants_stop WHERE retailer_id IS NOT NULL))"""
# The item's claim lapsed or not, its lane's turn is over. Planning is quick however slow the provider is: a turn that
# called nobody counts only if it was long.
FREE = """
UPDATE public.tenants_lane
SET virtual_time = virtual_time + (%(cost)s - %(charged)s) / weight,
    turn_seconds = CASE WHEN %(calls_out)s OR %(cost)s > %(short)s
        THEN coalesce(turn_seconds * (1 - %(newest)s) + %(cost)s * %(newest)s, %(cost)s) ELSE turn_seconds END,
    ordinary = array_remove(ordinary, %(until)s::timestamptz),
    transactional = array_remove(transactional, %(until)s::timestamptz)
WHERE retailer_id = %(retailer)s
RETURNING retailer_id
"""
_DUE = """
    SELECT item.id FROM public.tenants_agendaitem item
    WHERE item.retailer_id = {retailer} AND {transactional} AND item.parked_at IS NULL
      AND item.due_at <= (SELECT due FROM clock)
      AND (item.kind NOT IN {counts} OR item.due_at <= (SELECT overdue FROM clock))
      AND (item.claimed_until IS NULL OR item.claimed_until <= (SELECT at FROM clock))
      AND (NOT {stopped} OR item.kind IN {nothing})
    ORDER BY item.due_at, item.id LIMIT 1
"""
_KINDS = {"nothing": _SENDS_NOTHING, "counts": ONLY_COUNTS, "transactional": "{transactional}"}
_DUE_IN_LANE = _DUE.format(retailer="lane.retailer_id", stopped="lane.is_stopped", **_KINDS)
_DUE_IN_CHOSEN = _DUE.format(retailer="locked.retailer_id", stopped="locked.is_stopped", **_KINDS)
_ORDINARY = "NOT item.is_transactional"
_TRANSACTIONAL = "item.is_transactional AND (SELECT is_any FROM hurried)"  # mostly none is: then no lane is asked
_NEXT = f"""
    SELECT id, true AS is_transactional FROM ({_DUE_IN_LANE.format(transactional=_TRANSACTIONAL)}) first
    UNION ALL
    SELECT id, false AS is_transactional FROM ({_DUE_IN_LANE.format(transactional=_ORDINARY)}) other
    LIMIT 1
"""
# Of others, since then, and in nobody's hands: few rows, by the index on what is due.
NEWCOMERS = f"""
SELECT EXISTS (
    SELECT FROM public.tenants_agendaitem item
    WHERE item.due_at > %(since)s AND item.due_at <= clock_timestamp() AND item.retailer_id <> %(retailer)s
      AND item.parked_at IS NULL AND item.claimed_until IS NULL AND item.kind NOT IN {ONLY_COUNTS}
), clock_timestamp()
"""
# One lane is chosen from what the statement sees, locked, and judged again as it is by then: two who ask at once never
# hold more of it than it may. A row of nothing says that somebody was faster, and to ask again.
CLAIM = f"""
WITH clock AS MATERIALIZED (
    SELECT now.at, now.at - make_interval(secs => %(overdue_by)s) AS due,
        now.at - make_interval(secs => %(overdue_by)s + %(patience)s) AS overdue,
        now.at + make_interval(secs => %(seconds)s) AS until
    FROM (SELECT clock_timestamp() AS at) now
), stop AS MATERIALIZED (
    SELECT retailer_id FROM public.tenants_stop
), hurried AS MATERIALIZED (
    SELECT EXISTS (SELECT FROM public.tenants_agendaitem WHERE is_transactional AND parked_at IS NULL) AS is_any
), lane AS MATERIALIZED (
    SELECT lane.retailer_id, lane.virtual_time, lane.started, lane.turn_seconds,
        CASE WHEN lane.ordinary = '{{}}' THEN 0 ELSE
            (SELECT count(*) FROM unnest(lane.ordinary) AS one WHERE one > (SELECT at FROM clock)) END AS ordinary,
        CASE WHEN lane.transactional = '{{}}' THEN 0 ELSE
            (SELECT count(*) FROM unnest(lane.transactional) AS one WHERE one > (SELECT at FROM clock)) END
            AS transactional,
        EXISTS (SELECT FROM stop WHERE stop.retailer_id IS NULL OR stop.retailer_id = lane.retailer_id) AS is_stopped
    FROM public.tenants_lane lane
    JOIN public.tenants_retailer retailer ON retailer.id = lane.retailer_id AND retailer.status = 'active'
    WHERE %(retailer)s::bigint IS NULL OR lane.retailer_id = %(retailer)s
    ORDER BY lane.virtual_time, lane.retailer_id
), platform AS MATERIALIZED (
    SELECT max(started) AS virtual_time, sum(ordinary) AS ordinary, most.most,
        coalesce(sum(ordinary + transactional) FILTER (WHERE turn_seconds > %(short)s), 0) AS slow
    FROM lane, (
        SELECT CASE WHEN count(*) > 0 AND %(retailer)s::bigint IS NULL
                    THEN greatest(1, floor(count(*) * %(share)s::float8 + 1e-9)) END AS most
        FROM public.tenants_worker WHERE seen_at > (SELECT at FROM clock) - make_interval(secs => %(at_work)s)
    ) most
    GROUP BY most.most
), open AS MATERIALIZED (
    SELECT lane.*, platform.most, platform.ordinary >= platform.most AS is_kept, coalesce(
            lane.ordinary + lane.transactional < platform.most
            AND (lane.turn_seconds IS NULL OR lane.turn_seconds <= %(short)s OR platform.slow < platform.most), true
        ) AS has_room
    FROM lane CROSS JOIN platform
    WHERE %(beside)s::bigint IS NULL OR lane.retailer_id <> %(beside)s AND lane.turn_seconds <= %(short)s
      AND lane.virtual_time < (SELECT beside.virtual_time FROM lane beside WHERE beside.retailer_id = %(beside)s)
    ORDER BY lane.virtual_time, lane.retailer_id
), kept_for AS MATERIALIZED (
    SELECT lane.*, true AS is_transactional, true AS is_its_own
    FROM open lane CROSS JOIN LATERAL ({_DUE_IN_LANE.format(transactional=_TRANSACTIONAL)}) first
    WHERE lane.has_room AND lane.is_kept ORDER BY lane.virtual_time, lane.retailer_id LIMIT 1
), its_own AS MATERIALIZED (
    SELECT lane.*, item.is_transactional, true AS is_its_own
    FROM open lane CROSS JOIN LATERAL ({_NEXT}) item
    WHERE lane.has_room AND lane.is_kept IS NOT TRUE AND NOT EXISTS (SELECT FROM kept_for)
    ORDER BY lane.virtual_time, lane.retailer_id LIMIT 1
), lent AS MATERIALIZED (
    SELECT lane.*, item.is_transactional, false AS is_its_own
    FROM open lane CROSS JOIN LATERAL ({_NEXT}) item
    WHERE (lane.turn_seconds <= %(short)s OR lane.turn_seconds IS NULL AND lane.ordinary + lane.transactional = 0)
      AND NOT EXISTS (SELECT FROM kept_for) AND NOT EXISTS (SELECT FROM its_own)
    ORDER BY lane.virtual_time, lane.retailer_id LIMIT 1
), chosen AS MATERIALIZED (
    TABLE kept_for UNION ALL TABLE its_own UNION ALL TABLE lent
), locked AS MATERIALIZED (
    SELECT lane.retailer_id, chosen.is_transactional, chosen.is_stopped,
        coalesce(lane.turn_seconds, %(guess)s) AS charged
    FROM public.tenants_lane lane JOIN chosen ON chosen.retailer_id = lane.retailer_id
    WHERE NOT chosen.is_its_own OR chosen.most IS NULL OR chosen.most > (
        SELECT count(*) FROM unnest(lane.ordinary || lane.transactional) AS one WHERE one > (SELECT at FROM clock))
    FOR UPDATE OF lane
), next AS MATERIALIZED (
    SELECT locked.*, item.id FROM locked CROSS JOIN LATERAL (
        SELECT id FROM ({_DUE_IN_CHOSEN.format(transactional="item.is_transactional")} FOR UPDATE SKIP LOCKED) first
        WHERE locked.is_transactional
        UNION ALL
        SELECT id FROM ({_DUE_IN_CHOSEN.format(transactional=_ORDINARY)} FOR UPDATE SKIP LOCKED) other
        WHERE NOT locked.is_transactional
    ) item
), taken AS (
    UPDATE public.tenants_agendaitem item SET claimed_until = clock.until, claims = claims + 1
    FROM next, clock WHERE item.id = next.id
    RETURNING item.id, item.retailer_id, item.kind, item.object_id, item.claims, item.failures, item.is_transactional
), seated AS (
    UPDATE public.tenants_lane lane
    SET started = greatest(lane.virtual_time, platform.virtual_time),
        virtual_time = greatest(lane.virtual_time, platform.virtual_time) + next.charged / lane.weight,
        ordinary = CASE WHEN %(retailer)s::bigint IS NULL AND NOT next.is_transactional
            THEN ARRAY(SELECT one FROM unnest(lane.ordinary) AS one WHERE one > clock.at) || clock.until
            ELSE lane.ordinary END,
        transactional = CASE WHEN %(retailer)s::bigint IS NULL AND next.is_transactional
            THEN ARRAY(SELECT one FROM unnest(lane.transactional) AS one WHERE one > clock.at) || clock.until
            ELSE lane.transactional END
    FROM next, clock, platform WHERE lane.retailer_id = next.retailer_id
)
SELECT taken.*, clock.until, next.charged
FROM chosen CROSS JOIN clock LEFT JOIN (taken JOIN next ON next.id = taken.id) ON true
"""
