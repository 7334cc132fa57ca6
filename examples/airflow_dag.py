"""A nightly copy with Airflow: sync, then export; put this file into the folder of the DAGs.

TONICDM_TOKEN and TONICDM_ZONE come from the worker's environment, TONICDM_FILE says where the copy is. The tasks are
commands, so tonicdm may be installed in an environment of its own (TONICDM_COMMAND).
"""

import datetime
import os

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

FILE = os.environ.get("TONICDM_FILE", "/var/lib/tonicdm/firm.db")
COMMAND = os.environ.get("TONICDM_COMMAND", "tonicdm")

with DAG(
    "tonicdm_nightly",
    schedule="17 3 * * *",
    start_date=datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC),
    catchup=False,  # one run brings the copy up to date, however many nights were missed
    max_active_runs=1,  # a file has one sync at a time
    # A run that fails goes on behind its last page, so trying again is cheap.
    default_args={"retries": 3, "retry_delay": datetime.timedelta(minutes=20)},
) as dag:
    sync = BashOperator(
        task_id="sync",
        bash_command=f"{COMMAND} sync --json {FILE}",
        append_env=True,
        execution_timeout=datetime.timedelta(hours=6),
    )
    export = BashOperator(
        task_id="export", bash_command=f"{COMMAND} export --json {FILE} --to csv:{FILE}.tables", append_env=True
    )
    sync >> export
