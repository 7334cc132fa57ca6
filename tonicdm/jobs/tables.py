"""The statements of the queue's database: tenants, schedules, and how a job ends."""

from __future__ import annotations

from typing import Final, LiteralString

from tonicdm import databases

SCHEMA: Final = "tonicdm_jobs"
"""The schema of the queue, the tenants and the schedules."""
FORM: Final = 1
"""The form of its tables; higher ones are of later versions."""

SESSION: Final[LiteralString] = f"""
SELECT set_config('idle_session_timeout', '0', false) FROM pg_settings WHERE name = 'idle_session_timeout';
{databases.SESSION}; SET search_path = {SCHEMA}
"""  # noqa: S608
"""What the sessions of the queue rely on. They are kept while nothing is to be done, and one hears notifications."""

TABLES: Final = (
    f"CREATE TABLE IF NOT EXISTS {SCHEMA}.form (number integer NOT NULL)",
    f"""
    CREATE TABLE IF NOT EXISTS {SCHEMA}.tonicdm_tenant (
        name text PRIMARY KEY, schema text NOT NULL UNIQUE, token text NOT NULL, zone text, base_url text,
        types text NOT NULL, every integer, due timestamptz
    )
    """,
    f"ALTER TABLE {SCHEMA}.tonicdm_tenant ADD COLUMN IF NOT EXISTS rhythm text",
    f"""
    CREATE TABLE IF NOT EXISTS {SCHEMA}.tonicdm_schedule (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        tenant text NOT NULL REFERENCES {SCHEMA}.tonicdm_tenant ON DELETE CASCADE,
        kind text NOT NULL, what text NOT NULL, every integer, cron text, due timestamptz NOT NULL,
        UNIQUE (tenant, kind, what)
    )
    """,
    f"CREATE INDEX IF NOT EXISTS tonicdm_schedule_due ON {SCHEMA}.tonicdm_schedule (due)",
    # Before there were schedules, a tenant's row said when it was due, and all jobs waited in one queue.
    f"""
    INSERT INTO {SCHEMA}.tonicdm_schedule (tenant, kind, what, every, due)
    SELECT name, 'sync', '', every, due FROM {SCHEMA}.tonicdm_tenant WHERE every IS NOT NULL AND due IS NOT NULL
    ON CONFLICT (tenant, kind, what) DO NOTHING
    """,  # noqa: S608
    f"UPDATE {SCHEMA}.tonicdm_tenant SET due = NULL WHERE due IS NOT NULL",  # noqa: S608
    f"""
    UPDATE {SCHEMA}.procrastinate_jobs SET queue_name = split_part(task_name, '.', 2)
    WHERE queue_name = 'tonicdm' AND status = 'todo'
    """,  # noqa: S608
)

NOTE_FORM: Final[LiteralString] = f"""
INSERT INTO {SCHEMA}.form SELECT %(form)s::integer WHERE NOT EXISTS (SELECT 1 FROM {SCHEMA}.form)
"""  # noqa: S608
PUT_TENANT: Final[LiteralString] = f"""
WITH added AS (
    INSERT INTO {SCHEMA}.tonicdm_tenant (name, schema, token, zone, base_url, types, every, rhythm)
    VALUES (%(name)s, %(schema)s, %(token)s, %(zone)s, %(base_url)s, %(types)s, %(every)s, %(rhythm)s)
    ON CONFLICT (name) DO NOTHING RETURNING name, every
), scheduled AS (
    INSERT INTO {SCHEMA}.tonicdm_schedule (tenant, kind, what, every, due)
    SELECT name, 'sync', '', every, now() FROM added WHERE every IS NOT NULL
)
SELECT name FROM added
"""  # noqa: S608 - a name of ours
TENANTS: Final[LiteralString] = f"SELECT * FROM {SCHEMA}.tonicdm_tenant ORDER BY name"  # noqa: S608
TENANT: Final[LiteralString] = f"SELECT * FROM {SCHEMA}.tonicdm_tenant WHERE name = %(name)s"  # noqa: S608
OTHER_OF_SCHEMA: Final[LiteralString] = f"""
SELECT name FROM {SCHEMA}.tonicdm_tenant WHERE schema = %(schema)s AND name <> %(name)s
"""  # noqa: S608
DROP_TENANT: Final[LiteralString] = f"DELETE FROM {SCHEMA}.tonicdm_tenant WHERE name = %(name)s RETURNING name"  # noqa: S608
DROP_WAITING: Final[LiteralString] = f"""
DELETE FROM {SCHEMA}.procrastinate_jobs WHERE args ->> 'tenant' = %(name)s AND status = 'todo' RETURNING id
"""  # noqa: S608

PUT_SCHEDULE: Final[LiteralString] = f"""
INSERT INTO {SCHEMA}.tonicdm_schedule (tenant, kind, what, every, cron, due)
VALUES (%(tenant)s, %(kind)s, %(what)s, %(every)s, %(cron)s, coalesce(%(due)s::timestamptz, now()))
ON CONFLICT (tenant, kind, what) DO UPDATE SET every = excluded.every, cron = excluded.cron, due = excluded.due
RETURNING id
"""  # noqa: S608
SCHEDULES: Final[LiteralString] = f"""
SELECT * FROM {SCHEMA}.tonicdm_schedule WHERE %(tenant)s::text IS NULL OR tenant = %(tenant)s ORDER BY tenant, id
"""  # noqa: S608
DROP_SCHEDULE: Final[LiteralString] = f"DELETE FROM {SCHEMA}.tonicdm_schedule WHERE id = %(id)s RETURNING id"  # noqa: S608
CLAIM_SCHEDULES: Final[LiteralString] = f"""
UPDATE {SCHEMA}.tonicdm_schedule SET due = now() + make_interval(secs => %(seconds)s) WHERE id IN (
    SELECT id FROM {SCHEMA}.tonicdm_schedule WHERE due <= now() AND kind = ANY(%(kinds)s)
    ORDER BY due LIMIT %(limit)s FOR UPDATE SKIP LOCKED
) RETURNING *, now() AS claimed
"""  # noqa: S608
"""Takes what is due for a while, but for kinds that only a later version knows.

Whoever dies before it is submitted leaves it to the next one.
"""
MOVE_SCHEDULE: Final[LiteralString] = f"""
UPDATE {SCHEMA}.tonicdm_schedule SET due = %(next)s WHERE id = %(id)s AND due = %(due)s RETURNING id
"""  # noqa: S608

JOBS: Final[LiteralString] = f"""
SELECT id, task_name, args, status::text AS status, CASE WHEN scheduled_at > now() THEN scheduled_at END AS scheduled_at
FROM {SCHEMA}.procrastinate_jobs
WHERE starts_with(task_name, 'tonicdm.') AND (%(id)s::bigint IS NULL OR id = %(id)s)
AND (%(tenant)s::text IS NULL OR args ->> 'tenant' = %(tenant)s)
AND (%(status)s::text IS NULL OR status::text = %(status)s) ORDER BY id
"""  # noqa: S608
DROP_JOB: Final[LiteralString] = f"DELETE FROM {SCHEMA}.procrastinate_jobs WHERE id = %(id)s RETURNING id"  # noqa: S608
_FOLLOWERS: Final[LiteralString] = """
jsonb_build_object('then', (
    SELECT coalesce(jsonb_agg(DISTINCT name), '[]'::jsonb)
    FROM jsonb_array_elements_text(
        coalesce(waiting.args -> 'then', '[]'::jsonb) || coalesce({joining}.args -> 'then', '[]'::jsonb)
    ) AS name
))
"""
"""What waits for a job that waits, and for one that is the same: the one leads on to all of it."""
_JOIN: Final[LiteralString] = f"""
ON CONFLICT (queueing_lock) WHERE status = 'todo'
DO UPDATE SET args = waiting.args || {_FOLLOWERS.format(joining="excluded")}
WHERE excluded.args -> 'then' <> '[]'::jsonb
"""
PUT: Final[LiteralString] = f"""
INSERT INTO {SCHEMA}.procrastinate_jobs AS waiting
    (queue_name, task_name, priority, lock, queueing_lock, args, scheduled_at)
VALUES (%(queue)s, %(task)s, %(priority)s, %(lock)s, %(waiting_lock)s, %(args)s,
    now() + make_interval(secs => %(seconds)s))
{_JOIN} RETURNING xmax = 0 AS added
"""  # noqa: S608
PUT_BACK: Final[LiteralString] = f"""
WITH ended AS (
    DELETE FROM {SCHEMA}.procrastinate_jobs WHERE id = %(id)s AND status = 'doing' AND worker_id = %(worker)s
    RETURNING abort_requested
)
INSERT INTO {SCHEMA}.procrastinate_jobs AS waiting
    (queue_name, task_name, priority, lock, queueing_lock, args, scheduled_at)
SELECT %(queue)s, %(task)s, %(priority)s, %(lock)s, %(waiting_lock)s, %(args)s::jsonb,
    now() + make_interval(secs => %(seconds)s)
FROM ended WHERE NOT abort_requested
{_JOIN} RETURNING id
"""  # noqa: S608
"""Ends a job and puts it back behind those that wait, by the database's clock; nothing where it is another worker's."""
RESCUE: Final[LiteralString] = f"""
WITH stalled AS (
    SELECT job.id, job.queueing_lock, job.args, job.abort_requested FROM {SCHEMA}.procrastinate_jobs AS job
    LEFT JOIN {SCHEMA}.procrastinate_workers AS worker ON worker.id = job.worker_id
    WHERE job.status = 'doing' AND starts_with(job.task_name, 'tonicdm.')
    AND (worker.id IS NULL OR worker.last_heartbeat < now() - make_interval(secs => %(seconds)s))
    FOR UPDATE OF job SKIP LOCKED
), joined AS (
    UPDATE {SCHEMA}.procrastinate_jobs AS waiting SET args = waiting.args || {_FOLLOWERS.format(joining="stalled")}
    FROM stalled WHERE waiting.queueing_lock = stalled.queueing_lock AND waiting.status = 'todo'
    AND NOT stalled.abort_requested RETURNING stalled.id
), dropped AS (
    DELETE FROM {SCHEMA}.procrastinate_jobs WHERE id IN (SELECT id FROM joined) RETURNING id
), ended AS (
    UPDATE {SCHEMA}.procrastinate_jobs AS job
    SET scheduled_at = now(), attempts = attempts + 1, abort_requested = false,
        status = CASE WHEN stalled.abort_requested THEN 'aborted'
            WHEN coalesce((stalled.args ->> 'failures')::integer, 0) + 1 >= %(most)s THEN 'failed'
            ELSE 'todo' END::{SCHEMA}.procrastinate_job_status,
        args = job.args || jsonb_build_object(
            'failures', coalesce((stalled.args ->> 'failures')::integer, 0) + 1, 'reason', 'its worker died'
        )
    FROM stalled WHERE job.id = stalled.id AND job.id NOT IN (SELECT id FROM joined) RETURNING job.id
)
SELECT id FROM dropped UNION ALL SELECT id FROM ended
"""  # noqa: S608
"""Puts the jobs of workers that have shown no sign of life for so long back, at once by the database's clock.

What was to be cancelled is, and what has ended its worker too often in a row is given up. Where the same one waits
already, that one goes on for both.
"""
MEND_TIMES: Final[LiteralString] = f"""
WITH heartbeats AS (
    UPDATE {SCHEMA}.procrastinate_workers SET last_heartbeat = now()
    WHERE last_heartbeat > now() + make_interval(secs => %(tolerance)s)
), waiting AS (
    UPDATE {SCHEMA}.procrastinate_jobs
    SET scheduled_at = greatest(now(), least(scheduled_at - make_interval(secs => %(back)s),
        now() + make_interval(secs => %(longest)s)))
    WHERE status = 'todo' AND starts_with(task_name, 'tonicdm.') AND scheduled_at > now() + CASE
        WHEN %(back)s > 0 THEN interval '0' ELSE make_interval(secs => %(longest)s + %(tolerance)s) END
)
UPDATE {SCHEMA}.tonicdm_schedule SET due = now()
WHERE every IS NOT NULL AND due > now() + make_interval(secs => greatest(every, %(claim)s) + %(tolerance)s)
RETURNING id
"""  # noqa: S608
"""Brings times within reach that lie further ahead than any that is written: the clock was set back since.

A dead worker's heartbeat counts from now on, a living one's is written again. A job is looked at rather too early than
too late: it is put back if its units are not there. A schedule is due when its interval says so at the latest.
"""
DROP_DONE: Final[LiteralString] = f"""
DELETE FROM {SCHEMA}.procrastinate_jobs WHERE id = %(id)s AND status = 'doing' AND worker_id = %(worker)s RETURNING id
"""  # noqa: S608
END: Final[LiteralString] = f"""
UPDATE {SCHEMA}.procrastinate_jobs
SET status = %(status)s::{SCHEMA}.procrastinate_job_status, attempts = attempts + 1,
abort_requested = false, args = args || jsonb_build_object('reason', %(reason)s::text)
WHERE id = %(id)s AND status = 'doing' AND worker_id = %(worker)s RETURNING id
"""  # noqa: S608

LACKING: Final[LiteralString] = f"""
SELECT name FROM unnest(%s::text[]) AS name WHERE NOT EXISTS (
    SELECT 1 FROM pg_proc JOIN pg_namespace ON pg_namespace.oid = pronamespace
    WHERE proname = name AND nspname = '{SCHEMA}'
)
"""  # noqa: S608
"""Which of these functions there are none of."""
FIGURES: Final[LiteralString] = f"""
SELECT queue_name AS queue, status::text AS status, count(*) AS jobs,
    greatest(0, extract(epoch FROM max(now() - scheduled_at) FILTER (WHERE status = 'todo')))::float8 AS late
FROM {SCHEMA}.procrastinate_jobs GROUP BY 1, 2 ORDER BY 1, 2
"""  # noqa: S608
READY: Final[LiteralString] = f"""
SELECT EXISTS (
    SELECT 1 FROM {SCHEMA}.procrastinate_jobs AS job WHERE status = 'todo' AND queue_name = ANY(%(queues)s)
    AND (scheduled_at IS NULL OR scheduled_at <= now()) AND NOT EXISTS (
        SELECT 1 FROM {SCHEMA}.procrastinate_jobs AS other WHERE other.lock = job.lock AND (
            other.status = 'doing'
            OR other.status = 'todo' AND (
                other.priority > job.priority OR other.priority = job.priority AND other.id < job.id
            )
        )
    )
) AS ready
"""  # noqa: S608
"""Whether there is a job that a worker would take now."""
SHOW_LIFE: Final[LiteralString] = f"""
UPDATE {SCHEMA}.procrastinate_workers SET last_heartbeat = now() WHERE id = ANY(%(workers)s) RETURNING id
"""  # noqa: S608
WORKERS: Final[LiteralString] = f"""
SELECT count(*) AS workers FROM {SCHEMA}.procrastinate_workers
WHERE last_heartbeat > now() - make_interval(secs => %(seconds)s)
"""  # noqa: S608
"""Workers that have shown a sign of life."""
