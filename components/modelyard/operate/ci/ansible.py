"""A playbook of Ansible, for a control node with credentials of its own. Source: docs.ansible.com, "Playbooks"."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from modelyard.operate.ci import steps
from modelyard.operate.ci.delivery import Delivery, Target, Training
from modelyard.operate.ci.yaml import script, text

PLACE: Final = "ansible/modelyard.yml"
_CALLER: Final = "whoever runs the playbook, such as the profile that AWS_PROFILE names"
_ROOT: Final = "{{ playbook_dir }}/.."
_PATH: Final = _ROOT + "/.venv/bin:{{ lookup('ansible.builtin.env', 'PATH') }}"


def playbook(found: Delivery) -> str:
    """The whole file: run without tags it checks, and deploys to one environment after the other."""
    plays = [_check(found)]
    for target in found.targets:
        plays += [_preview(target), _deploy(target)]
    plays += [_start(training) for training in found.trainings]
    starts = [(training, _CALLER) for training in found.trainings]
    return text(plays, steps.header(found, "ansible", starts, _CALLER), start=True)


def _check(found: Delivery) -> dict[str, Any]:
    environment, install = steps.install(found)
    ready = [
        _task("Make the environment", environment, creates=".venv/bin/python"),
        _task("Install Modelyard", install),
    ]
    reports = [
        {
            **_task(f"Write {file}", command),
            "register": "modelyard_check",
            "failed_when": "modelyard_check.rc not in [0, 1]",
        }
        for file, command in zip(steps.FORMATS.values(), steps.CHECKS, strict=True)
    ]
    pages = [_task(f"Write {steps.PAGE} and {steps.COMMENT}", steps.PAGES)]
    verdict = [_task(f"Decide: {command.split()[1]}", command) for command in steps.VERDICT]
    play = _play("Check the files' stacks", ["check"], [*ready, *reports, *pages, *verdict])
    play["environment"][steps.BASE] = f"{{{{ base | default('{steps.BEFORE}') }}}}"
    return play


def _preview(target: Target) -> dict[str, Any]:
    tasks = [_task("Have the engine", steps.engine()), _task("Show what would change", steps.preview(target))]
    return _play(f"Preview {target.environment}", ["never", f"preview-{target.environment}"], tasks, target)


def _deploy(target: Target) -> dict[str, Any]:
    name = target.environment
    guard, up = steps.deploy(target)
    approved: dict[str, Any] = {
        "name": "Refuse production that nobody approved",
        "ansible.builtin.assert": {
            "that": [f"approved | default('') == '{name}'"],
            "fail_msg": f"Look at it (--tags preview-{name}), then add: -e approved={name}",
        },
    }
    tasks = [
        *([approved] if target.production else []),
        _task("Have the engine", steps.engine()),
        _task("Refuse a loss that nobody acknowledged", guard),
        _task("Deploy the platform and its teams", up, changes=True),
    ]
    return _play(f"Deploy to {name}", [f"deploy-{name}"], tasks, target)


def _start(training: Training) -> dict[str, Any]:
    """WHO and COMMIT stand in the version's lineage, so that a start without them is refused at once."""
    told = {"WHO": "{{ who }}", "COMMIT": "{{ commit }}", "WHY": "{{ why }}"}
    used = {name: value for name, value in told.items() if f"${name}" in training.command}
    task = {**_task(f"Start {training.name}", training.command, changes=True), "environment": used}
    name = f"Start {training.name} of {training.team} in {training.target.environment}"
    return _play(name, ["never", training.id], [task], training.target)


def _play(name: str, tags: Sequence[str], tasks: Sequence[Any], target: Target | None = None) -> dict[str, Any]:
    return {
        "name": name,
        "hosts": "localhost",
        "connection": "local",
        "gather_facts": False,
        "tags": list(tags),
        "environment": {"PATH": _PATH, **({"AWS_REGION": target.region} if target else {})},
        "tasks": list(tasks),
    }


def _task(name: str, command: str, *, changes: bool = False, creates: str | None = None) -> dict[str, Any]:
    """A command, through a shell only where it needs one."""
    module = "shell" if set(command) & set('$>|"') else "command"
    arguments = {"cmd": script(command), "chdir": _ROOT, **({"creates": creates} if creates else {})}
    return {"name": name, f"ansible.builtin.{module}": arguments, "changed_when": changes}


def to_set_up(found: Delivery) -> Sequence[str]:
    """What people do once on the machine that runs the playbook."""
    return (
        f"Set {steps.BACKEND} to where Pulumi's state lies, such as s3://acme-pulumi",
        "Sign in to the environment's account: aws sso login, or set AWS_PROFILE",
        "Run it: ansible-playbook " + PLACE,
    )
