#!/usr/bin/env python3
"""The three boards, written down once: `grafana/boards.py` writes `grafana/dashboards`.

Needs Python alone. A panel says what it shows, when that is bad and what to do then; the
rest of a board's JSON (places, ids, colours) follows. A test says whether the files are
those that this program writes.
"""

import json
import pathlib
import sys

# What a panel's queries may use instead of repeating it. `$instance` follows `$mode`.
HERE = 'instance=~"$instance"'
RATE = "[$__rate_interval]"

GREEN, AMBER, RED = "green", "orange", "red"


def quantile(part, metric, by="", labels=""):
    """A quantile of a histogram, over all chosen processes."""
    group = "le, " + by if by else "le"
    chosen = HERE + (", " + labels if labels else "")
    return f"histogram_quantile({part}, sum by ({group}) (rate({metric}_bucket{{{chosen}}}{RATE})))"


def rate(metric, by="", labels=""):
    """So many a second, over all chosen processes."""
    chosen = HERE + (", " + labels if labels else "")
    group = f" by ({by})" if by else ""
    return f"sum{group} (rate({metric}{{{chosen}}}{RATE}))"


def shared(metric, by="", labels=""):
    """Of what every process tells the same, such as the depth of a queue that all share."""
    chosen = HERE + (", " + labels if labels else "")
    group = f" by ({by})" if by else ""
    return f"max{group} ({metric}{{{chosen}}})"


def each(metric):
    return f"{metric}{{{HERE}}}"


def stat(title, description, query, unit="short", bad=None, decimals=None):
    """One number. `bad`: [(from, colour)], above a green base."""
    return panel("stat", title, description, [(query, "")], unit, bad, 4, 4, decimals)


def lines(title, description, *queries, unit="short", bad=None, width=12, stacked=False):
    """Lines over time. A query is (expression, legend)."""
    made = panel("timeseries", title, description, queries, unit, bad, width, 8)
    if stacked:
        made["fieldConfig"]["defaults"]["custom"]["stacking"] = {"mode": "normal", "group": "A"}
    return made


def panel(kind, title, description, queries, unit, bad, width, height, decimals=None):
    steps = [{"color": GREEN, "value": None}]
    steps += [{"color": colour, "value": value} for value, colour in bad or []]
    defaults = {
        "unit": unit,
        "min": 0,
        "thresholds": {"mode": "absolute", "steps": steps},
        "color": {"mode": "thresholds" if kind == "stat" else "palette-classic"},
    }
    if decimals is not None:
        defaults["decimals"] = decimals
    if kind == "timeseries":
        defaults["custom"] = {
            "lineWidth": 2,
            "fillOpacity": 8,
            "showPoints": "never",
            "spanNulls": False,
            "thresholdsStyle": {"mode": "dashed" if bad else "off"},
        }
        options = {
            "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
            "tooltip": {"mode": "multi", "sort": "desc"},
        }
    else:
        options = {
            "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
            "colorMode": "background",
            "graphMode": "area",
            "justifyMode": "auto",
            "textMode": "auto",
        }
    source = {"type": "prometheus", "uid": "${datasource}"}
    targets = [
        {
            "refId": chr(ord("A") + at),
            "datasource": source,
            "editorMode": "code",
            "expr": expression,
            "legendFormat": legend or "__auto",
            "range": True,
        }
        for at, (expression, legend) in enumerate(queries)
    ]
    return {
        "type": kind,
        "title": title,
        "description": description,
        "datasource": source,
        "gridPos": {"w": width, "h": height},
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "options": options,
        "targets": targets,
    }


def row(title):
    return {"type": "row", "title": title, "collapsed": False, "panels": [], "gridPos": {"w": 24, "h": 1}}


def variables():
    source = {"type": "prometheus", "uid": "${datasource}"}

    def of_processes(name, label, query):
        return {
            "name": name,
            "label": label,
            "type": "query",
            "datasource": source,
            "query": {"query": query, "refId": name},
            "refresh": 2,
            "sort": 1,
            "multi": True,
            "includeAll": True,
            "allValue": ".*",
            "current": {"selected": True, "text": ["All"], "value": ["$__all"]},
        }

    return [
        {"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus"},
        of_processes("mode", "Mode", "label_values(ringback_build_info, mode)"),
        of_processes(
            "instance", "Process", 'label_values(ringback_build_info{mode=~"$mode"}, instance)'
        ),
    ]


def board(uid, title, description, panels):
    x = y = tallest = 0
    for number, one in enumerate(panels, 1):
        place = one["gridPos"]
        if x + place["w"] > 24:
            x, y, tallest = 0, y + tallest, 0
        one["id"] = number
        place["x"], place["y"] = x, y
        x, tallest = x + place["w"], max(tallest, place["h"])
    return {
        "uid": uid,
        "title": title,
        "description": description,
        "tags": ["ringback"],
        "timezone": "browser",
        "editable": True,
        "graphTooltip": 1,
        "schemaVersion": 41,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {"list": variables()},
        "annotations": {"list": []},
        "links": [
            {
                "title": "Ringback",
                "type": "dashboards",
                "tags": ["ringback"],
                "asDropdown": False,
                "includeVars": True,
                "keepTime": True,
                "icon": "dashboard",
            }
        ],
        "panels": panels,
    }


ATTEMPTS = rate("ringback_verdicts_total")
ENDED = rate("ringback_verdicts_total", labels='verdict!="retry"')
COMES_IN = (
    rate("ringback_results_total", labels='answer="accepted"')
    + " + "
    + rate("ringback_outbox_handed_over_total")
)
OPEN = 'sum (max by (place) (ringback_queue_depth{' + HERE + ', place=~"ready|waiting|leased"}))'


def delivery():
    return board(
        "ringback-delivery",
        "Ringback: is delivery healthy?",
        "Whether callbacks arrive, and what keeps the others from it.",
        [
            stat(
                "Delivered a second",
                "Callbacks that a receiver accepted. 0 while results come in: look at the failures by diagnosis below.",
                rate("ringback_verdicts_total", labels='verdict="delivered"'),
                "reqps",
            ),
            stat(
                "Attempts that succeed",
                "Low: one broken endpoint does this alone. Compare with the teams that fail; when there are many, look for a fault of ours: DNS, network, certificates.",
                f'1 - (sum (rate(ringback_verdicts_total{{{HERE}, verdict!="delivered"}}{RATE})) / {ATTEMPTS})',
                "percentunit",
            ),
            stat(
                "Teams that hear only failures",
                "Teams whose last five attempts or more all failed. One is that team's endpoint; many at once are this gateway's network: see docs/runbooks/RingbackDeliveryFailing.md.",
                shared("ringback_teams_failing"),
                bad=[(1, AMBER), (3, RED)],
            ),
            stat(
                "Lanes parked",
                "Endpoints that are down and probed now and then; their callbacks wait and lose no retry. Parked for long: tell the team (docs/runbooks/RingbackLaneParked.md).",
                shared("ringback_lanes", labels='state="parked"'),
                bad=[(1, AMBER)],
            ),
            stat(
                "Ledger imbalance",
                "Accepted callbacks that are in no state. Anything but 0 is a defect or a damaged store: docs/runbooks/RingbackLedgerImbalance.md.",
                f"max (abs(ringback_ledger_imbalance{{{HERE}}}))",
                bad=[(1, RED)],
            ),
            stat(
                "Certificates that end soon",
                "Receivers whose certificate ends within 14 days. The log names them: docs/runbooks/RingbackCertificateExpiring.md.",
                shared("ringback_certificates_expiring"),
                bad=[(1, AMBER)],
            ),
            row("What becomes of attempts"),
            lines(
                "Attempts by what follows",
                "Retries that grow and do not fall again: find their cause by the diagnosis beside this. Dead ones were given up; replay them when the endpoint is well.",
                (rate("ringback_verdicts_total", "verdict"), "{{verdict}}"),
                unit="reqps",
                stacked=True,
            ),
            lines(
                "Failures by diagnosis",
                "What went wrong, in the words of `explain`. dns, connect and tls failures of many teams at once are this gateway's network; auth_refused after a rotation is a key that a team has not taken over.",
                (rate("ringback_attempts_total", "diagnosis", 'diagnosis!="delivered"') + " > 0", "{{diagnosis}}"),
                unit="reqps",
            ),
            lines(
                "Accepted to delivered",
                "From the 202 to the receiver's 2xx, retries included. A p99 of hours means that failing endpoints are tried again; the median tells of those that are well.",
                (quantile(0.5, "ringback_delivery_seconds"), "p50"),
                (quantile(0.99, "ringback_delivery_seconds"), "p99"),
                unit="s",
            ),
            lines(
                "Accepted to first attempt",
                "How long a callback waits for its first attempt. High with free slots: look at the lanes; high without: add workers (docs/scaling.md).",
                (quantile(0.5, "ringback_first_attempt_seconds"), "p50"),
                (quantile(0.99, "ringback_first_attempt_seconds"), "p99"),
                unit="s",
                bad=[(5, RED)],
            ),
            lines(
                "Length of an attempt",
                "How long receivers take. A p99 at the timeout is a receiver that hangs; its window shrinks by itself.",
                (quantile(0.5, "ringback_attempt_seconds"), "p50"),
                (quantile(0.99, "ringback_attempt_seconds"), "p99"),
                unit="s",
            ),
            lines(
                "Callbacks that ended or were held",
                "Held ones have nowhere to go: their team has no URL or paused its deliveries. Ask the team if they grow.",
                (rate("ringback_callbacks_settled_total", "state"), "{{state}}"),
                unit="reqps",
                stacked=True,
            ),
            row("Endpoints"),
            lines(
                "Lanes",
                "A lane is one team's endpoint. Throttled: something is due, and its window is full or it asked for rest. Many parked at once are this gateway's network.",
                (shared("ringback_lanes", "state"), "{{state}}"),
                (shared("ringback_lanes_known"), "known"),
            ),
            lines(
                "Mean window of a lane",
                "Requests that a lane may have in flight. It halves on trouble: a mean near 1 while callbacks wait means that receivers are slow or down.",
                (shared("ringback_lane_windows") + " / " + shared("ringback_lanes_known"), "window"),
            ),
            lines(
                "Attempts on an open connection",
                "Near 1 is well. Low: receivers close connections after each answer, and every attempt pays for a handshake.",
                (
                    "clamp_min(1 - "
                    + rate("ringback_connections_dialled_total", labels='outcome="opened"')
                    + f" / {ATTEMPTS}, 0)",
                    "reused",
                ),
                unit="percentunit",
            ),
            lines(
                "Opening a connection, p99",
                "DNS above 100 ms: look at the name servers of this machine. TLS above 1 s: receivers are far away or overloaded.",
                (quantile(0.99, "ringback_dial_seconds", "step"), "{{step}}"),
                unit="s",
                bad=[(1, AMBER)],
            ),
            lines(
                "Connections that could not be opened",
                "Many for all teams: this gateway's network or firewall.",
                (rate("ringback_connections_dialled_total", "outcome"), "{{outcome}}"),
                unit="cps",
            ),
            lines(
                "Teams with the most failures in a row",
                "Empty unless operator.teams_named_max is set. Tell these teams; `explain` on a callback of theirs says what to do.",
                (shared("ringback_team_failures_straight", "team"), "{{team}}"),
            ),
            row("What must not happen"),
            lines(
                "Mails",
                "Delayed ones are tried again; if they go on, the mail server is away or refuses this gateway (mail.url).",
                (rate("ringback_mails_total", "outcome"), "{{outcome}}"),
                unit="reqps",
            ),
            lines(
                "Leases lost and poison",
                "A lost lease may send a callback twice: workers that stand still or stores that hang. Poison ended process after process: `explain` it, and report it.",
                (rate("ringback_leases_lost_total"), "leases lost"),
                (rate("ringback_poisoned_total"), "poison"),
                unit="reqps",
                bad=[(0.01, RED)],
            ),
        ],
    )


def queue():
    return board(
        "ringback-queue",
        "Ringback: is the queue draining, and when will it be empty?",
        "What waits, how fast it goes, and what keeps it.",
        [
            stat(
                "Due now",
                "Callbacks that are due and not claimed. Normal behind a parked or slow endpoint; compare with the slots in use.",
                shared("ringback_queue_depth", labels='place="ready"'),
            ),
            stat(
                "Oldest that is due",
                "Minutes with open lanes mean too few workers or slots: docs/runbooks/RingbackBacklogOld.md. With parked lanes only, it is their endpoints.",
                shared("ringback_queue_oldest_due_seconds"),
                "s",
                bad=[(60, AMBER), (300, RED)],
            ),
            stat(
                "Empty in",
                "At the pace of the last minutes, with what comes in taken off. Years mean: never, more comes in than goes out. Add workers, or find the slow endpoint.",
                f"{OPEN} / clamp_min({ENDED} - ({COMES_IN}), 0.00001)",
                "s",
                bad=[(3600, AMBER), (86_400, RED)],
            ),
            stat(
                "Slots in use",
                "Near 100 % while callbacks are due: raise queue.slots or add workers. Low while callbacks are due: their lanes are throttled or parked.",
                f"sum (ringback_attempts_in_flight{{{HERE}}}) / sum (ringback_attempts_in_flight_max{{{HERE}}})",
                "percentunit",
                bad=[(0.9, AMBER)],
            ),
            stat(
                "Queue answers",
                "0: Redis is out of reach of a process. Results are still accepted and kept: docs/runbooks/RingbackQueueLost.md.",
                f"min (ringback_queue_reachable{{{HERE}}})",
            ),
            stat(
                "Rebuild under way",
                "1 while the queue is filled from the journal, as after a start or when Redis lost its data. Long: docs/runbooks/RingbackRebuildRunning.md.",
                shared("ringback_rebuild_running"),
                bad=[(1, AMBER)],
            ),
            row("Draining"),
            lines(
                "In and out",
                "Out below in for long: the queue grows. Out counts callbacks that arrived, were given up or held.",
                (COMES_IN, "in"),
                (ENDED, "out"),
                unit="reqps",
            ),
            lines(
                "Callbacks by place",
                "ready: due. scheduled: retries to come. leased: with a worker. waiting: behind an older one of their task. held: nowhere to go.",
                (shared("ringback_queue_depth", "place"), "{{place}}"),
                stacked=True,
            ),
            lines(
                "Age of the oldest that is due",
                "A line that climbs by a second a second is a lane that does not go at all.",
                (shared("ringback_queue_oldest_due_seconds"), "age"),
                unit="s",
                bad=[(300, RED)],
            ),
            lines(
                "Lateness of claims",
                "How long after its time a callback was claimed. Retries that are late without throttled lanes: docs/runbooks/RingbackRetriesLate.md.",
                (quantile(0.5, "ringback_claim_late_seconds", "attempt"), "{{attempt}} p50"),
                (quantile(0.99, "ringback_claim_late_seconds", "attempt"), "{{attempt}} p99"),
                unit="s",
            ),
            lines(
                "Slots",
                "Attempts in flight of all workers, and as many as may be.",
                (f"sum (ringback_attempts_in_flight{{{HERE}}})", "in flight"),
                (f"sum (ringback_attempts_in_flight_max{{{HERE}}})", "limit"),
            ),
            lines(
                "Lanes that wait",
                "Throttled lanes wait for their endpoints, open ones for slots: with many open ones, add workers.",
                (shared("ringback_lanes", "state", 'state=~"open|throttled"'), "{{state}}"),
            ),
            row("The journal and Redis"),
            lines(
                "Journal by state",
                "Counted every ten minutes by one process. Dead ones can be replayed; pending ones are all of what must still go.",
                (shared("ringback_journal_callbacks", "state"), "{{state}}"),
            ),
            lines(
                "Rebuilds",
                "Each one that begins after the start is a Redis that lost what it had: look at its persistence, memory and failover.",
                (f"sum by (step) (ringback_rebuilds_total{{{HERE}}})", "{{step}}"),
                (rate("ringback_rebuild_callbacks_total"), "callbacks a second"),
            ),
            lines(
                "Scripts in Redis, p99",
                "Above 100 ms: Redis is short of processor time, or shared with something slow. Nothing is lost, everything waits.",
                (quantile(0.99, "ringback_redis_script_seconds", "script"), "{{script}}"),
                unit="s",
                bad=[(0.1, AMBER), (1, RED)],
            ),
            lines(
                "Calls that Redis did not answer",
                "Any: docs/runbooks/RingbackQueueLost.md.",
                (rate("ringback_redis_failures_total"), "failed"),
                unit="cps",
                bad=[(0.1, RED)],
            ),
        ],
    )


def api():
    failed = rate("ringback_api_requests_total", labels='class="5xx"')
    return board(
        "ringback-api",
        "Ringback: are the API and its stores fast?",
        "Requests, commits, disk and processes.",
        [
            stat(
                "Requests a second",
                "To the API and the dashboard.",
                rate("ringback_api_requests_total"),
                "reqps",
            ),
            stat(
                "Requests that failed",
                "Answers 5xx: a store is away or the process stops. See the results that were not taken: docs/runbooks/RingbackIntakeRefusing.md.",
                f"{failed} / " + rate("ringback_api_requests_total") + " or vector(0)",
                "percentunit",
                bad=[(0.001, AMBER), (0.01, RED)],
            ),
            stat(
                "Requests, p99",
                "Without the labelling side's waiting for tasks. Slow with a slow journal: docs/runbooks/RingbackJournalSlow.md.",
                quantile(0.99, "ringback_request_seconds", labels='surface!="feed"'),
                "s",
                bad=[(1, AMBER), (5, RED)],
            ),
            stat(
                "Journal commits, p99",
                "Above a second, everything waits for the disk or for PostgreSQL: docs/runbooks/RingbackJournalSlow.md.",
                quantile(0.99, "ringback_journal_commit_seconds"),
                "s",
                bad=[(0.25, AMBER), (1, RED)],
            ),
            stat(
                "Disk free",
                "Of the disk of data.dir. Without room nothing new is accepted: docs/runbooks/RingbackDiskNearlyFull.md.",
                f"min (ringback_data_disk_free_bytes{{{HERE}}} / ringback_data_disk_bytes{{{HERE}}})",
                "percentunit",
            ),
            stat(
                "Processes",
                "That answered the last scrape. Fewer than you started: docs/runbooks/RingbackDown.md.",
                f"count (ringback_build_info{{{HERE}}})",
            ),
            row("Requests"),
            lines(
                "Length of requests",
                "By who is asked. `feed` waits for tasks on purpose.",
                (quantile(0.5, "ringback_request_seconds", "surface"), "{{surface}} p50"),
                (quantile(0.99, "ringback_request_seconds", "surface"), "{{surface}} p99"),
                unit="s",
            ),
            lines(
                "Requests by class",
                "4xx are callers' mistakes or their limits; 5xx are ours.",
                (rate("ringback_api_requests_total", "class"), "{{class}}"),
                unit="reqps",
                stacked=True,
            ),
            lines(
                "Busiest routes",
                "Ten of them. A route that grew suddenly is a caller in a loop: the audit log and the access rules say who.",
                ("topk(10, " + rate("ringback_api_requests_total", "route") + ")", "{{route}}"),
                unit="reqps",
            ),
            lines(
                "Results by answer",
                "failed: a store did not take them. queue_full: their team has too many undelivered (intake.team_pending_max). rejected: the producer sends what is not legal.",
                (rate("ringback_results_total", "answer"), "{{answer}}"),
                unit="reqps",
                stacked=True,
            ),
            lines(
                "Connections closed at once",
                "A limit was reached (api.connections_max, api.connections_per_ip_max): raise it, or find who opens so many.",
                (rate("ringback_connections_refused_total"), "refused"),
                unit="cps",
            ),
            lines(
                "Missing in the audit log",
                "Changes that were made and are not in the log: must be 0. Look at the log for the error of the records.",
                (f"sum (ringback_audit_missed_total{{{HERE}}})", "missed"),
                bad=[(1, RED)],
            ),
            row("Stores"),
            lines(
                "Length of a journal commit",
                "Mostly the disk's sync. A p99 that climbs with the number of items is a full disk queue.",
                (quantile(0.5, "ringback_journal_commit_seconds"), "p50"),
                (quantile(0.99, "ringback_journal_commit_seconds"), "p99"),
                unit="s",
                bad=[(1, RED)],
            ),
            lines(
                "Items in a commit",
                "Large under load is good: one sync serves many.",
                (quantile(0.5, "ringback_journal_commit_items"), "p50"),
                (quantile(0.99, "ringback_journal_commit_items"), "p99"),
            ),
            lines(
                "Waiting for the journal",
                "Requests that wait for a commit. A number that stays high is a journal that is too slow for what comes in.",
                (each("ringback_journal_waiting"), "{{instance}}"),
            ),
            lines(
                "Commits that failed",
                "The log says why: a full disk, or a PostgreSQL that does not answer.",
                (rate("ringback_journal_failures_total"), "failed"),
                unit="cps",
                bad=[(0.01, RED)],
            ),
            lines(
                "Handed over by the outbox",
                "Callbacks of tasks on their way into the journal. None while tasks complete: the process that leads the outbox stands still.",
                (rate("ringback_outbox_handed_over_total"), "handed over"),
                unit="reqps",
            ),
            lines(
                "Disk of data.dir",
                "Free bytes. With SQLite the journal grows by what is kept (retention), so it can be foreseen.",
                (each("ringback_data_disk_free_bytes"), "{{instance}} free"),
                (each("ringback_data_disk_bytes"), "{{instance}} size"),
                unit="bytes",
            ),
            row("Processes"),
            lines(
                "Processor time",
                "Of one core. All cores busy: add a machine.",
                (f"rate(process_cpu_seconds_total{{{HERE}}}{RATE})", "{{instance}}"),
                unit="percentunit",
            ),
            lines(
                "Memory",
                "It must not grow with the backlog. If it does, report it.",
                (each("process_resident_memory_bytes"), "{{instance}}"),
                unit="bytes",
            ),
            lines(
                "Open files and sockets",
                "Near the limit, connections fail: raise it (LimitNOFILE in a systemd unit).",
                (each("process_open_fds"), "{{instance}} open"),
                (each("process_max_fds"), "{{instance}} limit"),
            ),
            lines(
                "Threads and age",
                "An age that falls back to 0 is a restart: look for its reason in the log before it.",
                (each("process_threads"), "{{instance}} threads"),
                (f"time() - process_start_time_seconds{{{HERE}}}", "{{instance}} age in s"),
            ),
            lines(
                "Versions and roles",
                "Two versions at one time are an upgrade under way.",
                (f"count by (version, role, mode) (ringback_build_info{{{HERE}}})", "{{version}} {{role}} {{mode}}"),
            ),
            lines(
                "Spans dropped",
                "The collector (traces.otlp_url) takes them too slowly or not at all; deliveries do not wait for it.",
                (rate("ringback_spans_dropped_total"), "dropped"),
                unit="cps",
            ),
        ],
    )


def files():
    folder = pathlib.Path(__file__).parent / "dashboards"
    for name, made in (("delivery", delivery()), ("queue", queue()), ("api", api())):
        yield folder / f"{name}.json", json.dumps(made, indent=1, sort_keys=True) + "\n"


def main():
    """Writes the files; with --check says which differ from what would be written."""
    stale = [path.name for path, text in files() if not path.exists() or path.read_text() != text]
    if "--check" in sys.argv[1:]:
        sys.exit(f"grafana/boards.py was not run: {', '.join(stale)} differ" if stale else 0)
    for path, text in files():
        path.write_text(text)


if __name__ == "__main__":
    main()
