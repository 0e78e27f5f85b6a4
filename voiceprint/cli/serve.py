"""voiceprint serve"""

import argparse
import sys
from pathlib import Path

from voiceprint.cli.common import add_store_options, counted, settings_from
from voiceprint.cli.consent import add_require_consent
from voiceprint.cli.store_common import open_service
from voiceprint.config import Settings

__all__ = ["add"]


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "serve",
        help="serve the page, the WebSocket and REST",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--host", help="address to listen on (127.0.0.1, VOICEPRINT_HOST)")
    parser.add_argument("--port", type=int, help="port to listen on, 0 for any free one (5678, VOICEPRINT_PORT)")
    parser.add_argument(
        "--behind-proxy",
        action="store_true",
        default=None,
        help="a proxy with TLS stands in front, and sign-in too unless there are tokens: any --host and host name",
    )
    parser.add_argument(
        "--lan",
        action="store_true",
        default=None,
        help="let phones on this network in, with a certificate of our own: browsers give the microphone to no other",
    )
    parser.add_argument("--tls-cert", type=Path, metavar="FILE", help="certificate chain, PEM (VOICEPRINT_TLS_CERT)")
    parser.add_argument("--tls-key", type=Path, metavar="FILE", help="its private key, PEM (VOICEPRINT_TLS_KEY)")
    parser.add_argument(
        "--oidc",
        type=Path,
        metavar="FILE",
        help="people sign in with another service, as this JSON says (VOICEPRINT_OIDC)",
    )
    parser.add_argument(
        "--log-json", action="store_true", default=None, help="a JSON object a line on stderr, one for every request"
    )
    parser.add_argument(
        "--memory",
        type=int,
        metavar="MB",
        dest="memory_megabytes",
        help="hold voices of at most about so much, each group's from its first use (all; VOICEPRINT_MEMORY_MEGABYTES)",
    )
    add_require_consent(parser)
    parser.add_argument(
        "--unseen-days",
        type=int,
        metavar="DAYS",
        help="erase who was not recognised for so long (1095, VOICEPRINT_UNSEEN_DAYS)",
    )
    parser.add_argument(
        "--audit-days", type=int, metavar="DAYS", help="keep the audit log of so many days (365, VOICEPRINT_AUDIT_DAYS)"
    )
    add_store_options(parser)
    parser.set_defaults(run=run)
    parser.epilog = _variables({action.dest for action in parser._actions})


# Settings that are changed so seldom that they have no option.
_VARIABLES = {
    "min_identify_speech_seconds": "speech needed for an answer",
    "min_enroll_speech_seconds": "speech needed to enroll somebody, in all recordings together",
    "embed_origins": "the pages elsewhere that may ask, each with a token",
    "webhook_url": "told when somebody of the webhook's group is recognised",
    "webhook_group": "that group",
    "webhook_events": "what the webhook is told",
    "webhook_secret_file": "holds the secret that signs what the webhook is told",
    "webhook_private": "whether the webhook may lie in a private network",
    "add_to_others": "whether tokens with the scope 'enroll' may add to speakers whom others enrolled",
    "max_upload_bytes": "the largest body",
    "max_audio_seconds": "the longest recording",
    "max_stream_seconds": "the longest live take",
    "max_streams": "live connections at once",
    "max_connections": "connections at once, silent ones included",
    "max_connections_per_address": "those of one address; not counted behind a proxy",
    "max_uploads": "recordings at once",
    "max_recording_bytes": "the largest recording for a job",
    "max_recording_seconds": "the longest recording for a job",
    "keep_recordings_minutes": "how long the timeline of a job is kept in memory",
    "keep_unnamed_voices": "whether an unnamed voice can be named afterwards",
    "max_ahead_seconds": "live audio that may come ahead of real time",
    "max_answers_per_hour": "answers for each token",
    "max_claims_per_hour": "claims for each speaker, over all tokens",
    "max_decoding_seconds_per_hour": "seconds of decoding for each caller",
}


def _variables(options: set[str]) -> str:
    """The settings that have no option, each with its default."""
    defaults = Settings()
    names = [name for name in Settings.__struct_fields__ if name not in options]
    width = max(map(len, names))
    lines = ["settings without an option, read from the environment:"]
    for name in names:
        value = getattr(defaults, name)
        default = "none" if value in (None, (), "") else value
        lines.append(f"  VOICEPRINT_{name.upper():<{width}}  {_VARIABLES.get(name, '')} ({default})")
    return "\n".join(lines)


def run(args: argparse.Namespace) -> int:
    from voiceprint.audio.decoding import decoder_walls
    from voiceprint.encoding.published import moving_advice
    from voiceprint.logs import set_up_logs
    from voiceprint.server import check_binding, serve

    settings = settings_from(args)
    set_up_logs(as_json=settings.log_json)
    check_binding(settings)
    with open_service(args, make=True) as service:
        service.warm_up()
        encoder = service.encoder
        print(
            f"voiceprint: encoder {encoder.id} ({encoder.fingerprint[:12]}), "
            f"{counted(service.count(), 'speaker')} in {service.settings.where}",
            file=sys.stderr,
        )
        if not decoder_walls():
            print(
                "voiceprint: this system has neither seccomp (package libseccomp2) nor Landlock: the process that "
                "decodes recordings has limits, but could read what this user can read.",
                file=sys.stderr,
            )
        if advice := moving_advice(encoder.id):
            print(f"voiceprint: {advice}", file=sys.stderr)
        serve(service, service.settings)
    return 0
