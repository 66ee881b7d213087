"""The checks of a vhost on a real RabbitMQ 4.0, and on one that denies Heat's queues."""

from pathlib import Path

import amqp
import pytest

from heat_upgrade_checks.evidence.broker import transient_queues
from heat_upgrade_checks.gates.judgement import Judgement
from tests.judging import check_at, judge
from tests.lab.newer_rabbitmq import NewerRabbitMQ
from tests.services.evidence.new_vhosts import Place, is_green, judged, make_place, said_of
from tests.services.processes import interrupted_by_sigterm
from tests.settling import settled

pytestmark = pytest.mark.nightly

_DISK = "disk_free_limit.absolute = 50MB"


def _allowed(place: Place) -> Judgement:
    site = place.site()
    found = transient_queues.observe_target(site)
    check = check_at("broker.allows-queues", "vhost")
    return judge(check, "vhost", of=site.plan, target_transient_queues=found)


def _declare(place: Place) -> None:
    """As an engine of the current release does."""
    server = place.rabbitmq
    connection = amqp.Connection(
        host=f"127.0.0.1:{server.amqp_port}",
        userid=server.administrator,
        password=server.administrator_password,
        virtual_host=place.old,
    )
    with connection:
        connection.channel().queue_declare("engine_worker", durable=False, auto_delete=False)


def test_a_broker_that_allows_heats_queues(tmp_path: Path) -> None:
    with interrupted_by_sigterm(), NewerRabbitMQ(tmp_path / "rabbitmq", _DISK) as server:
        place = make_place(server, tmp_path)
        for name in ("vhost.exists", "vhost.permissions", "vhost.queue-arguments"):
            assert is_green(judged(name, place.site()))
        # So far this is concluded from the default.
        assert [each.split(":")[0] for each in said_of(_allowed(place))] == [
            "warning transient queues"
        ]
        _declare(place)
        assert settled(lambda: _allowed(place), is_green, "the queue that runs seen").extent


def test_a_broker_that_denies_them_says_the_same_of_its_default(tmp_path: Path) -> None:
    deny = "deprecated_features.permit.transient_nonexcl_queues = false"
    with interrupted_by_sigterm(), NewerRabbitMQ(tmp_path / "rabbitmq", _DISK, deny) as server:
        place = make_place(server, tmp_path)
        with pytest.raises(amqp.AMQPError, match="transient_nonexcl_queues"):
            _declare(place)
        # Never taken for allowed: nothing shows that it is.
        assert [each.split(":")[0] for each in said_of(_allowed(place))] == [
            "warning transient queues"
        ]
