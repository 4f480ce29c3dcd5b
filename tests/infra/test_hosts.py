"""Check the Dockerfile, compose file, systemd units and nginx with their tools."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.infra.terraform_code import ROOT

INFRA = ROOT / "infra"
UNITS = sorted((INFRA / "systemd").glob("*.[st]*[er]"))
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
OWN = ("setup", "web", "sweep")
HIGHEST_EXPOSURE = 20
"""The limit in the table of `systemd-analyze security`, whose scale ends at 100."""


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False)


def hadolint(path: Path) -> str:
    result = run(str(Path(sys.executable).with_name("hadolint")), str(path))
    assert result.returncode or not result.stdout
    return result.stdout + result.stderr


def test_hadolint_accepts_the_dockerfile() -> None:
    assert hadolint(ROOT / "Dockerfile") == ""


def test_hadolint_rejects_an_unsafe_dockerfile(tmp_path: Path) -> None:
    unsafe = tmp_path / "Dockerfile"
    unsafe.write_text("FROM python\nRUN pip install django\n")

    assert "DL3006" in hadolint(unsafe)


def test_image_runs_as_an_unprivileged_user() -> None:
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    users = [line for line in lines if line.startswith("USER ")]

    assert users == ["USER 10001:10001"]
    assert (
        lines.index(users[0])
        < [number for number, line in enumerate(lines) if line.startswith("CMD ")].pop()
    )
    assert any(line.startswith("HEALTHCHECK ") for line in lines)


def test_dockerignore_admits_only_the_copied_files() -> None:
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    admitted = {line[1:] for line in ignored if line.startswith("!")}
    copied = {
        source.split("/")[0]
        for line in (ROOT / "Dockerfile").read_text().splitlines()
        if line.startswith("COPY ") and "--from" not in line
        for source in line.split()[1:-1]
    }

    assert ignored[1] == "*"
    assert admitted == copied


@pytest.mark.parametrize("name", OWN)
def test_compose_services_of_the_site_are_confined(name: str) -> None:
    service = SERVICES[name]

    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["tmpfs"] == ["/tmp"]  # noqa: S108
    assert "DEBUG" not in service["environment"]  # the image sets DEBUG to off


def test_compose_services_depend_on_services_with_a_health_check() -> None:
    for service in SERVICES.values():
        for name, how in service.get("depends_on", {}).items():
            assert name in SERVICES
            if how["condition"] == "service_healthy":
                assert SERVICES[name]["healthcheck"]["test"][0] == "CMD"
            else:
                assert how["condition"] == "service_completed_successfully"
                assert SERVICES[name]["restart"] == "no"


def test_compose_volumes_and_configs_are_declared() -> None:
    for service in SERVICES.values():
        for volume in service.get("volumes", []):
            assert volume.split(":")[0] in COMPOSE["volumes"]
        for config in service.get("configs", []):
            assert config["source"] in COMPOSE["configs"]


def test_compose_ports_listen_only_on_loopback() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]

    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_compose_file_requires_all_secrets_and_contains_none() -> None:
    text = (ROOT / "compose.yaml").read_text()
    values = {
        value
        for service in SERVICES.values()
        for name, value in service.get("environment", {}).items()
        if re.search("SECRET|PASSWORD", name) and not name.endswith("_ID")
    }

    assert values
    assert all(value.startswith("${") for value in values)
    for name in set(re.findall(r"\$\{(\w+)", text)) - {"VERSION", "CLAMD_URL"}:
        assert f"${{{name}:?set {name} in .env}}" in text, name


def test_compose_and_systemd_give_identities_the_same_rights() -> None:
    file = json.loads((INFRA / "seaweedfs" / "identities.json").read_text())
    content = COMPOSE["configs"]["identities"]["content"]

    for name in ("WORKER_SECRET", "SIGNER_SECRET", "SETUP_SECRET"):
        content = content.replace(f"${{{name}}}", name)
    assert json.loads(content) == file


def test_signer_of_the_s3_server_may_only_put_objects() -> None:
    file = json.loads((INFRA / "seaweedfs" / "identities.json").read_text())
    [signer] = [each for each in file["identities"] if each["name"] == "signer"]
    [policy] = [each for each in file["policies"] if each["name"] == "put-only"]
    allow, deny = json.loads(policy["content"])["Statement"]

    assert signer["policyNames"] == ["put-only"]
    assert allow["Action"] == ["s3:PutObject"]
    assert allow["Resource"] == ["arn:aws:s3:::slipway/uploads/*"]
    assert deny["Effect"] == "Deny"


def test_procfile_and_image_start_the_same_command() -> None:
    processes = dict(
        line.split(": ", 1) for line in (ROOT / "Procfile").read_text().splitlines()
    )
    command = re.findall(
        r"^CMD (\[.*\])$", (ROOT / "Dockerfile").read_text(), re.MULTILINE
    )

    assert processes["web"].split() == json.loads(command[0])
    assert set(processes) == {"release", "web", "sweep", "notifications"}


def test_all_systemd_units_are_found() -> None:
    assert [path.name for path in UNITS] == [
        "seaweedfs.service",
        "slipway-clearsessions.service",
        "slipway-clearsessions.timer",
        "slipway-notifications.service",
        "slipway-sweep.service",
        "slipway-sweep.timer",
        "slipway-web.service",
    ]


def with_programs_of_this_machine(unit: str) -> str:
    """Return the unit with a program and a user that exist on this machine."""
    unit = re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", unit, flags=re.MULTILINE)
    return re.sub(r"^(User|Group)=.*", r"\1=root", unit, flags=re.MULTILINE)


def verified(folder: Path) -> str:
    result = run("systemd-analyze", "verify", *map(str, sorted(folder.iterdir())))
    return result.stdout + result.stderr


has_systemd = shutil.which("systemd-analyze") is not None


def test_systemd_accepts_all_units(tmp_path: Path) -> None:
    if not has_systemd:
        return  # `make infra` also runs on machines without systemd
    for unit in UNITS:
        text = with_programs_of_this_machine(unit.read_text())
        (tmp_path / unit.name).write_text(text)

    assert verified(tmp_path) == ""


def test_misspelt_setting_of_a_unit_is_rejected(tmp_path: Path) -> None:
    if not has_systemd:
        return
    text = (INFRA / "systemd" / "slipway-web.service").read_text()
    text = with_programs_of_this_machine(text).replace("PrivateTmp", "PrivateTemp")
    (tmp_path / "a.service").write_text(text)

    assert "PrivateTemp" in verified(tmp_path)


@pytest.mark.parametrize(
    "unit", [path for path in UNITS if path.suffix == ".service"], ids=lambda p: p.name
)
def test_systemd_services_are_confined(unit: Path) -> None:
    text = unit.read_text()
    for line in (
        "NoNewPrivileges=true",
        "ProtectSystem=strict",
        "PrivateTmp=true",
        "CapabilityBoundingSet=",
    ):
        assert line in text.splitlines()
    assert "User=root" not in text
    if has_systemd:
        result = run(
            *("systemd-analyze", "security", "--offline=true"),
            *(f"--threshold={HIGHEST_EXPOSURE}", str(unit)),
        )
        assert result.returncode == 0, result.stdout[-500:]


def test_timers_start_services_that_exist() -> None:
    for unit in UNITS:
        if unit.suffix == ".timer":
            assert unit.with_suffix(".service") in UNITS


def nginx() -> str:
    found = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin")
    assert found, "nginx is not installed. Run scripts/nginx.sh."
    return found


def test_nginx_accepts_the_example_configuration(tmp_path: Path) -> None:
    run(
        *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
        *("-keyout", str(tmp_path / "privkey.pem"), "-subj", "/CN=files.example.com"),
        *("-out", str(tmp_path / "fullchain.pem")),
    )
    example = (INFRA / "nginx" / "slipway.conf").read_text()
    site = tmp_path / "slipway.conf"
    site.write_text(
        example.replace("/etc/letsencrypt/live/files.example.com", str(tmp_path))
    )
    main = tmp_path / "nginx.conf"
    main.write_text(
        f"pid {tmp_path}/pid;\nevents {{}}\n"
        f"http {{ access_log off; include {site}; }}\n"
    )

    result = run(nginx(), "-t", "-c", str(main), "-e", "stderr")

    assert result.returncode == 0, result.stderr
    assert "warn" not in result.stderr


def test_nginx_sets_all_headers_that_the_site_trusts() -> None:
    example = (INFRA / "nginx" / "slipway.conf").read_text()

    assert "proxy_set_header X-Forwarded-For $remote_addr;" in example
    assert "proxy_set_header X-Forwarded-Proto $scheme;" in example
    assert "$proxy_add_x_forwarded_for" not in example
