"""The ``cart-cds`` command: ``serve``, ``grade``, ``demo`` and ``protocol``.

Exit codes: 0 done, 1 a check found faults, 2 arguments, settings or the file cannot be used. Results
go to standard output, everything else to standard error; messages hold no file names, identifiers or
values of a patient.
"""

import argparse
import codecs
import errno
import json
import logging
import os
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import msgspec

from cds_service.settings import Settings, SettingsError, protocol_folders
from fhir_maps.chart_reader import ForeignPatient
from fhir_maps.r4 import ResourceHead
from fhir_maps.terminology import TerminologyError
from fhir_maps.times import parse_instant
from management.protocol import ProtocolError

DONE, FAULTY, UNUSABLE, INTERRUPTED = 0, 1, 2, 130
_BACKLOG = 2048


class CommandError(Exception):
    """The command cannot do what it was asked; the message goes to standard error."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; ``argparse`` itself exits with 2 on unusable arguments."""
    arguments = _parser().parse_args(argv)
    try:
        exit_code: int | None = arguments.run(arguments)
    except (CommandError, SettingsError, ProtocolError, TerminologyError) as error:
        print(f"cart-cds: {error}", file=sys.stderr)
        return UNUSABLE
    except KeyboardInterrupt:
        return INTERRUPTED
    return DONE if exit_code is None else exit_code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="cart-cds", description="Grades CRS and ICANS after CAR-T infusion."
    )
    parser.add_argument(
        "--version",
        action="version",
        version=f"cart-cds {version('cart-toxicity-cds')}",
        help="print the version",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    serve = commands.add_parser(
        "serve", help="run the CDS Hooks service and the SMART app (settings: CART_CDS_...)"
    )
    serve.add_argument("--host", default="127.0.0.1", help="address to listen on (default 127.0.0.1)")
    serve.add_argument("--port", type=_port, default=8000, help="port to listen on (default 8000)")
    serve.set_defaults(run=_serve)

    grade = commands.add_parser("grade", help="grade one patient from a FHIR Bundle")
    grade.add_argument("bundle", metavar="BUNDLE.json", help="a FHIR Bundle in JSON, or - for standard input")
    grade.add_argument("--at", type=_instant, metavar="INSTANT", help="time of grading (default now)")
    grade.add_argument(
        "--infusion-at", type=_instant, metavar="INSTANT", help="an infusion the Bundle does not hold"
    )
    grade.add_argument("--protocol", metavar="NAME", help="protocol (default met-2021, or CART_CDS_PROTOCOL)")
    grade.add_argument("--json", action="store_true", help="print the assessment as JSON and nothing else")
    grade.set_defaults(run=_grade)

    demo = commands.add_parser("demo", help="run the service beside an EHR sandbox with synthetic patients")
    demo.add_argument("--once", action="store_true", help="print the table of all patients and end")
    demo.add_argument("--port", type=_port, help="port of the service (default 8000, or a free one)")
    demo.set_defaults(run=_demo)

    protocol = commands.add_parser("protocol", help="check or read a protocol")
    of_protocol = protocol.add_subparsers(required=True, metavar="COMMAND")
    check = of_protocol.add_parser("check", help="name every fault of a site's protocols")
    check.add_argument("path", type=Path, metavar="PATH", help="a protocol (NAME.toml), or a folder of them")
    check.set_defaults(run=_check_protocols)
    show = of_protocol.add_parser("show", help="print a protocol as a clinician reads it")
    show.add_argument("name", metavar="NAME", help="a shipped protocol, or one of a site's folder")
    show.add_argument(
        "--folder",
        type=Path,
        action="append",
        metavar="DIR",
        help="a site's folder of protocols; several: repeat it (default: CART_CDS_PROTOCOLS)",
    )
    show.set_defaults(run=_show_protocol)
    return parser


def _instant(text: str) -> datetime:
    instant = parse_instant(text)
    if instant is None:
        raise argparse.ArgumentTypeError(
            "needs a date, a time and an offset, as in 2026-03-04T08:00:00+01:00"
        )
    return instant


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError("needs a port from 0 to 65535")
    return int(text)


def _grade(arguments: argparse.Namespace) -> None:
    # Imported here: grading a file needs no web server, and ``--help`` needs neither.
    from cart_cds.grade_bundle import read_and_review
    from cart_cds.grade_text import describe_graded

    settings = Settings.from_environment(os.environ)
    try:
        graded = read_and_review(
            _read_bundle(arguments.bundle),
            at=arguments.at or datetime.now(UTC),
            infusion_at=arguments.infusion_at,
            protocol=arguments.protocol or settings.protocol,
            protocol_folders=settings.protocol_folders,
            site_maps=settings.site_maps,
        )
    except ForeignPatient as error:
        raise CommandError("the Bundle holds resources of more than one patient") from error
    print(json.dumps(graded.document, indent=2) if arguments.json else describe_graded(graded))


def _read_bundle(name: str) -> bytes:
    try:
        content = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except FileNotFoundError as error:
        raise CommandError("the Bundle cannot be read: no such file") from error
    except (OSError, ValueError) as error:
        raise CommandError("the Bundle cannot be read") from error
    content = content.removeprefix(codecs.BOM_UTF8)
    try:
        head = msgspec.json.decode(content, type=ResourceHead)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise CommandError("the file is not FHIR JSON") from error
    if head.resourceType != "Bundle":
        raise CommandError("the file holds no FHIR Bundle")
    return content


def _serve(arguments: argparse.Namespace) -> None:
    import uvicorn

    from cart_cds.service import create_service
    from smart_app.settings import SmartSettings, SmartSettingsError

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    # An HTTP client's log line would show a FHIR URL with the patient in it.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    settings = Settings.from_environment(os.environ)
    settings.check_binding(arguments.host)
    try:
        service = create_service(settings, SmartSettings.from_environment(os.environ))
    except SmartSettingsError as error:
        raise CommandError(str(error)) from error
    # Taken before anything else is started: a port in use is told at once, and in words.
    with _listener(arguments.host, arguments.port) as listener:
        server = uvicorn.Server(uvicorn.Config(service, access_log=False, log_config=None))
        with suppress(KeyboardInterrupt):
            server.run(sockets=[listener])
    if not server.started:
        raise CommandError("the service could not be started: see the log")


def _listener(host: str, port: int) -> socket.socket:
    """Bind the address to serve on. Raises :class:`CommandError` saying what to do about it."""
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            told = f"port {port} of {host} is in use: stop what uses it, or choose another with --port"
        elif error.errno == errno.EACCES:
            told = f"port {port} may not be opened by this user: choose one from 1024 on with --port"
        else:
            told = f"cannot listen on {host}: {error.strerror}"
        raise CommandError(told) from error
    logging.getLogger(__name__).info("listening on http://%s:%d", host, listener.getsockname()[1])
    return listener


def _check_protocols(arguments: argparse.Namespace) -> int:
    from cart_cds.protocol_commands import NothingToCheckError, check_protocols

    try:
        report, is_faultless = check_protocols(arguments.path)
    except NothingToCheckError as error:
        raise CommandError(str(error)) from error
    print(report)
    return DONE if is_faultless else FAULTY


def _show_protocol(arguments: argparse.Namespace) -> None:
    from cart_cds.protocol_commands import show_protocol

    print(show_protocol(arguments.name, arguments.folder or protocol_folders(os.environ)))


def _demo(arguments: argparse.Namespace) -> None:
    from cart_cds.demo import DemoError, demonstrate

    logging.basicConfig(level=logging.ERROR)
    try:
        demonstrate(once=arguments.once, port=arguments.port)
    except DemoError as error:
        raise CommandError(str(error)) from error


if __name__ == "__main__":
    sys.exit(main())
