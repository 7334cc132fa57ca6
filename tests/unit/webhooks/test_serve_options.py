"""What ``tonicdm webhooks serve`` refuses to start with."""

from __future__ import annotations

from click.testing import CliRunner

from tests.cases import for_each
from tonicdm.cli.app import tonicdm


def run(file, *options, **environment):
    return CliRunner(env=environment).invoke(tonicdm, ["webhooks", "serve", str(file), "--port", "0", *options])


@for_each(
    ("options", "said"),
    [
        ((), "StandardWebhooks(secret), SharedSecret(header, secret), or Unverified()"),
        (("--shared-secret-header", "X"), "--secret-file or --secret-env"),
        (("--secret-env", "NOT_SET"), "NOT_SET holds no secret"),
        (("--secret-env", "SET", "--unverified"), "--unverified checks nothing"),
        (("--unverified", "--shared-secret-header", "X"), "--unverified checks nothing"),
        (("--secret-env", "SET", "--secret-file", __file__), "not both"),
        (("--secret-env", "SET", "--tolerance", "0"), "tolerance must be more than 0"),
        (("--secret-env", "BAD"), "no base64"),
        (("--unverified", "--max-body", "1GB"), "--max-body takes bytes"),
        (("--unverified", "--max-body", "0"), "max_body must be more than 0"),
        (("--unverified", "--body-seconds", "0"), "body_seconds must be more than 0"),
        (("--unverified", "--path", "hooks"), "begins with a slash"),
    ],
)
def test_wrong_settings_are_told_and_nothing_is_started(tmp_path, options, said) -> None:
    ended = run(tmp_path / "firm.db", *options, SET="very-secret-and-long-enough", BAD="whsec_very-secret!")
    assert ended.exit_code == 2
    assert said in ended.stderr
    assert "very-secret" not in ended.output
    assert not (tmp_path / "firm.db").exists()


def test_an_empty_secret_file_is_no_secret(tmp_path) -> None:
    (tmp_path / "empty").write_text("\n \n")
    ended = run(tmp_path / "firm.db", "--secret-file", str(tmp_path / "empty"))
    assert ended.exit_code == 2
    assert "holds no secret" in ended.stderr


def test_a_file_that_cannot_be_had_is_code_6(tmp_path) -> None:
    ended = run(tmp_path / "no" / "firm.db", "--unverified")
    assert ended.exit_code == 6
    assert "folder does not exist" in ended.stderr
