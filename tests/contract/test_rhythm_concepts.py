"""The concepts page of Rhythm: which test shows which of its sentences, as far as the client has them."""

from __future__ import annotations

import ast
import pathlib
from typing import Final

from tests.cases import for_each

from .concepts import FOLDER

TESTS: Final = FOLDER.parent

SHOWN: Final = {
    "either tokens generated for a specific user":
    "integration/rhythm/client/test_records.py::test_a_user_acts_beside_the_machine",
    "There is a monthly limit on the number of M2M access tokens":
    "unit/rhythm/test_minting.py::test_the_stop_holds_for_all_applications_together_and_opens_with_the_next_month",
    "you will not be able to issue any M2M tokens until the next month":
    "integration/rhythm/test_month.py::test_the_lock_out_is_refused_locally_until_the_month_ends_and_after_restarts",
    "Tokens are valid for 24 hours":
    "unit/rhythm/test_tokens.py::test_a_token_lives_as_long_as_the_answer_says_else_a_day",
    "a maximum of 31 M2M access tokens per month":
    "integration/rhythm/test_month.py::test_days_cost_a_mint_each_for_an_application_and_one_for_the_revoked_secret",
    "This limit does not apply to the other authorization flows":
    "integration/rhythm/test_users.py::test_a_login_by_code_and_pkce_gives_a_session_with_a_contact",
    "create a new M2M access token for each user login":
    "unit/rhythm/test_tokens.py::test_inside_as_user_no_machine_token_is_given_not_even_a_cached_one",
    "you should use the Authorization Code flow whenever possible":
    "integration/rhythm/test_users.py::test_a_login_by_code_and_pkce_gives_a_session_with_a_contact",
    "you may instead use the Resource Owner Password flow":
    "integration/rhythm/test_users.py::test_a_password_login_works_where_it_is_enabled_and_says_so_where_not",
    "securely cache and reuse a single M2M token":
    "integration/rhythm/test_token_processes.py::test_processes_that_begin_at_once_share_one_token",
    "A Contact record may be related to one or more Users":
    "integration/rhythm/client/test_records.py::test_the_contact_behind_a_user_by_both_paths",
    "The related Contact ID is added to the User metadata":
    "unit/rhythm/test_claims.py::test_all_documented_claims_are_read",
    "Most requests require a `tenantId` parameter passed in the URI":
    "unit/rhythm/test_operations.py::test_every_filled_path_is_found_as_its_own_operation",
    "you must supply the `tenantId` that is applicable":
    "unit/rhythm/test_operations.py::test_a_path_that_is_not_known_or_of_another_tenant_is_told_apart",
    "requires an HTTP Header called `Authorization`":
    "integration/rhythm/test_bearer.py::test_a_token_that_has_expired_costs_one_mint_and_the_call_goes_again",
    "or to a URI that does not match any endpoint":
    "integration/rhythm/client/test_refusals.py::test_denied_names_the_tenant_and_the_path_as_its_two_causes",
    "Many requests also require a `contactId` value":
    "integration/rhythm/client/test_refusals.py::test_a_user_without_a_contact_is_told_so_and_nothing_is_sent",
    "return a single record or item":
    "integration/rhythm/client/test_records.py::test_a_contact_is_created_found_changed_and_read",
    "will instead return an identifier that you can use":
    "integration/rhythm/client/test_queries.py::test_the_id_is_on_the_disk_before_the_query_is_looked_at",
    "will return an `executionArn`":
    "integration/rhythm/client/test_step_functions.py::test_a_task_is_started_written_down_and_waited_for",
    "it will return the results in an `Items` attribute":
    "integration/rhythm/client/test_records.py::test_lists_of_both_shapes_are_read",
    "using the `exclusiveStartKey` query string parameter":
    "integration/rhythm/client/test_records.py::test_a_list_is_read_to_its_certain_end",
    "Looping through a large number of pages":
    "unit/rhythm/test_strategy.py::test_the_choice_and_its_reason",
    "uses three patterns for retrieving multiple items":
    "integration/rhythm/client/test_records.py::test_fetch_gives_the_same_records_by_each_way",
    "These endpoints do not have the option to supply custom criteria":
    "unit/rhythm/test_strategy.py::test_what_can_not_be_fetched_so_is_refused_before_anything_is_sent",
    "you can supply field names in the query string":
    "integration/rhythm/client/test_records.py::test_fields_are_all_that_comes_back",
    "which defines preset criteria options":
    "unit/rhythm/test_criteria.py::test_a_search_takes_equalities_that_must_all_hold",
    "with a signed URI where you can download":
    "integration/rhythm/client/test_queries.py::test_a_result_is_streamed_to_its_file",
    "Define criteria with advanced `any` or `all` grouping":
    "unit/rhythm/test_criteria.py::test_joins_of_one_kind_become_flat_and_others_nest",
    "Return results in `json`, `csv`, `excel`":
    "unit/rhythm/test_rows.py::test_formats_without_a_reader_are_not_counted",
}  # fmt: skip
"""Words of the page, and the test that shows what they say."""


@for_each(("words", "test"), SHOWN.items())
def test_a_sentence_of_the_page_has_a_test(words: str, test: str):
    """The words stand on the page, and the test is there; what it shows it says itself."""
    assert words in (FOLDER / "rhythm-concepts.txt").read_text(encoding="utf-8").replace("**", "")
    path, _, name = test.partition("::")
    tree = ast.parse((TESTS / pathlib.Path(path)).read_text(encoding="utf-8"))
    functions = [node.name for node in tree.body if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]
    assert name in functions
