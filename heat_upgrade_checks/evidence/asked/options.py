"""Runs inside a Heat release's own interpreter (3.8 and later) and answers one JSON object.

It is sent on standard input, with one JSON object as its argument:

- `arguments`, `environment`: the configuration, as the release's services are given it
- `names`: pairs of group and name; what the release knows of each is answered, in their order
- `loads`: more of these pairs; where one of all is unknown, plugins are loaded before it is said so
- `also`: more of these pairs, of options that are Heat's own; whether each is known is answered

The effective value of every option that the release knows is answered, hashed with `key`, and as
text unless it may be a secret: an option of a site's plugin, or whose name `secret_names` matches.
"""

import hashlib
import hmac
import importlib.metadata
import json
import logging
import os
import re
import sys

# Plugins may print; only the answer goes to standard output.
_ANSWER = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
logging.disable(logging.CRITICAL)

from oslo_config import cfg  # noqa: E402 - it may print

# Heat's etc/heat/heat-config-generator.conf, of Zed to 2026.2; it is not installed. 2025.2 and
# later no longer name oslo.service, but still read what it registers.
_NAMESPACES = re.compile(
    r"heat\..*|keystonemiddleware\.auth_token|osprofiler|cotyledon"
    r"|oslo\.(cache|concurrency|config|db|log|messaging|policy|reports|versionedobjects)"
    r"|oslo\.middleware(\.(cors|healthcheck|http_proxy_to_wsgi|sizelimit|tracing))?"
    r"|oslo\.service\.(periodic_task|service|sslutils)"
)
_CLOUD = "ec2authtoken."
_LONGEST_SHOWN = 80


def entry_points(group):
    found = importlib.metadata.entry_points()
    named = found.select(group=group) if hasattr(found, "select") else found.get(group, ())
    return {each.name: each for each in named}.values()


def normal(group):
    """As oslo.config compares the names of groups."""
    return "DEFAULT" if group in (None, "DEFAULT") else str(group).lower()


class Options:
    """The options that the release registers, by group and name."""

    def __init__(self):
        self.known = {}
        self.former = {}
        self.former_of = {}
        self.of_plugins = set()
        self.conf = cfg.ConfigOpts()

    def add(self, group, option):
        group = normal(getattr(group, "name", group))
        if (group, option.dest) in self.known:
            return
        self.known[group, option.dest] = option
        try:
            self.conf.register_opt(option, None if group == "DEFAULT" else group)
        except cfg.DuplicateOptError:
            pass  # one of oslo.config's own, such as config_file
        for old in option.deprecated_opts:
            place = normal(old.group or group), old.name or option.dest
            if place not in self.former:
                self.former[place] = group, option
                self.former_of.setdefault((group, option.dest), []).append(place)

    def add_plugins(self):
        """What the plugins of a site registered, who may not have said what is a secret."""
        before = set(self.known)
        self.add_registered()
        self.of_plugins = set(self.known) - before

    def add_registered(self):
        """What code registers when it is loaded; keystoneauth's and plugins' are listed nowhere."""
        for name, group in list(cfg.CONF._groups.items()):
            for registered in list(group._opts.values()):
                self.add(name, registered["opt"])
        for registered in list(cfg.CONF._opts.values()):
            self.add(None, registered["opt"])


def listed():
    """What is listed for the sample configuration."""
    for defaults in entry_points("oslo.config.opts.defaults"):
        if defaults.name.startswith("heat."):
            defaults.load()()
    for namespace in entry_points("oslo.config.opts"):
        if _NAMESPACES.fullmatch(namespace.name):
            for group, options in namespace.load()():
                for option in options:
                    yield group, option


def add_credentials(options, asked):
    """What keystoneauth reads in a section depends on the plugin that the section names."""
    clouds = {group for group, _ in asked if group.startswith(_CLOUD)}
    shared = [option for (group, _), option in options.known.items() if group == _CLOUD[:-1]]
    for cloud in clouds:
        if (_CLOUD[:-1], "auth_type") in options.known:
            for option in shared:
                options.add(cloud, option)
    for group in {group for group, name in options.known if name == "auth_type"}:
        from keystoneauth1 import loading

        source = group
        section = value(options, group, "auth_section")
        if section:
            source = normal(section)
            for option in loading.get_auth_common_conf_options():
                options.add(source, option)
        try:
            plugin = loading.get_plugin_options(value(options, source, "auth_type") or "password")
        except Exception:
            continue  # the value of auth_type is refused below
        for option in plugin:
            options.add(source, option._to_oslo_opt())


def value(options, group, name):
    """The effective value; None where the release has no such option.

    The name may be of DEFAULT and the same as a method of ConfigOpts.
    """
    if (group, name) not in options.known:
        return None
    return options.conf._get(name, None if group == "DEFAULT" else cfg.OptGroup(group))


def kind(option):
    """What the release takes for a value, in words."""
    type = option.type
    choices = getattr(type, "choices", None)
    if choices:
        return "one of " + ", ".join(str(choice) for choice in choices)
    words = {
        "Boolean": "true or false",
        "Integer": "a whole number",
        "Float": "a number",
        "Port": "a port",
        "URI": "a URI",
        "HostAddress": "a host's address",
        "IPAddress": "an IP address",
    }.get(type.__class__.__name__, "a " + type.__class__.__name__.lower())
    for name, word in (("min", "from"), ("max", "to"), ("schemes", "with scheme")):
        limit = getattr(type, name, None)
        if limit is not None:
            words += " %s %s" % (word, " or ".join(limit) if name == "schemes" else limit)
    for name in ("max_length", "max_uri_length"):
        if getattr(type, name, None):
            words += " of at most %s characters" % getattr(type, name)
    return words


def refused(options, group, option):
    """Why the release cannot use the value; never the value itself."""
    try:
        found = value(options, group, option.dest)
    except cfg.ConfigFileValueError:
        return "is not " + kind(option)
    except (cfg.NoSuchOptError, cfg.TemplateSubstitutionError):
        return "refers with $ to an option that this release does not know"
    except Exception:
        return "cannot be read as " + kind(option)
    if option.dest == "auth_type" and found:
        from keystoneauth1 import loading

        try:
            loading.get_plugin_loader(found)
        except Exception:
            return "names an authentication plugin that is not installed"
    return ""


def describe(options, group, name):
    place = normal(group), name
    option, home = options.known.get(place), place[0]
    renamed = None
    if option is None and place in options.former:
        home, option = options.former[place]
        renamed = [home, option.dest]
    if option is None:
        return None
    return {
        "now": renamed,
        "removal": bool(option.deprecated_for_removal),
        "reason": " ".join((option.deprecated_reason or "").split()),
        "refused": refused(options, home, option),
    }


def effective(options, group, name, key, secret_names):
    option = options.known[group, name]
    told = {
        "group": group,
        "name": name,
        "former": options.former_of.get((group, name), []),
        "set": True,
        "readable": True,
        "empty": False,
        "print": "",
        "text": None,
        "length": 0,
        "is_default": False,
    }
    try:
        found = value(options, group, name)
        place = options.conf.get_location(name, None if group == "DEFAULT" else group)
    except Exception:
        told["readable"] = False  # no default is refused
        return told
    told["set"] = place is not None and place.location.is_user_controlled
    told["empty"] = found in (None, "", [], {})
    # A number may have become a text from one release to the other.
    text = found if isinstance(found, str) else json.dumps(found, default=str, sort_keys=True)
    text = "" if told["empty"] else text
    if name.endswith("endpoint_type") and text.endswith("URL"):
        text = text[:-3]  # keystoneauth and python-heatclient take public and publicURL for one
    told["print"] = hmac.new(key, text.encode("utf-8"), hashlib.sha256).hexdigest()
    told["length"] = len(found) if isinstance(found, str) else 0
    told["is_default"] = found == option.default
    secret = option.secret or re.search(secret_names, name) or (group, name) in options.of_plugins
    # A URL may hold a password before its @ or among its parameters.
    if not secret and "@" not in text and not ("://" in text and "?" in text):
        told["text"] = "nothing" if told["empty"] else shown(found)
    return told


def shown(found):
    return (", ".join(map(str, found)) if isinstance(found, list) else str(found))[:_LONGEST_SHOWN]


def configure(conf, asked):
    conf(asked["arguments"], project="heat", default_config_files=[], default_config_dirs=[])


def answer():
    asked = json.loads(sys.argv[1])
    os.environ.update(asked["environment"])
    names = [tuple(name) for name in asked["names"]]
    options = Options()
    configure(options.conf, asked)
    for group, option in listed():
        options.add(group, option)
    options.add_registered()
    try:
        from oslo_messaging import set_transport_defaults

        set_transport_defaults("heat")  # heat/common/messaging.py
    except ImportError:
        pass
    add_credentials(options, names + [tuple(name) for name in asked["loads"]])
    known = [describe(options, *name) for name in names]
    loads = [describe(options, *name) for name in asked["loads"]]
    if None in known + loads:
        from heat.engine import resources

        configure(cfg.CONF, asked)
        resources.global_env()  # with the plugins of the site
        options.add_plugins()
        known = [describe(options, *name) for name in names]
    key = bytes.fromhex(asked["key"])
    secret_names = asked["secret_names"]
    values = [effective(options, *place, key, secret_names) for place in sorted(options.known)]
    also = [describe(options, group, name) is not None for group, name in asked["also"]]
    return {"known": known, "also": also, "values": values}


try:
    reply = answer()
except Exception as error:
    frame = error.__traceback__
    while frame.tb_next:
        frame = frame.tb_next
    where = os.path.basename(frame.tb_frame.f_code.co_filename)
    reply = {"error": "%s in %s while it was asked for its options" % (type(error).__name__, where)}
json.dump(reply, _ANSWER)
_ANSWER.flush()
