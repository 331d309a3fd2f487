"""Load balancers: pages for browsers, which send no access key; and what AWS refuses of them.

A name tells whose load balancer it is: its own, or a domain that an alias record of Route 53 leads to it.
"""

from ministack import app
from ministack.core.responses import set_request_account_id, set_request_region
from ministack.services import alb, route53

from .resource_types import HANDLERS


def install():
    find_by_name()
    refuse("AWS::ElasticLoadBalancingV2::Listener", duplicate_listener)
    refuse("AWS::ElasticLoadBalancingV2::ListenerRule", duplicate_priority)
    associate_by_rule()
    HANDLERS["AWS::ElasticLoadBalancingV2::ListenerCertificate"] = {
        "create": lambda logical_id, properties, stack: (f"{properties['ListenerArn']}|{logical_id}", {}),
        "update": lambda physical_id, old, new, stack: (physical_id, {}),
        "delete": lambda physical_id, properties: None,
    }


def find_by_name():
    find = alb.find_lb_for_host
    potential = app._is_potential_alb_request

    def find_in_all_accounts(host):
        name = alias_target(host.split(":")[0].lower())
        for (account, region, _), balancer in list(alb._lbs._data.items()):
            if balancer["DNSName"].lower() == name:
                # Listeners, rules and targets are looked up in the same account from here on.
                set_request_account_id(account)
                set_request_region(region)
                return balancer
        return find(host)

    def is_potential(host, path):
        return potential(host, path) or alias_target(host.split(":")[0].lower()) != host.split(":")[0].lower()

    alb.find_lb_for_host = find_in_all_accounts
    app._is_potential_alb_request = is_potential


def alias_target(name):
    """What an alias record makes of a name, whoever has it."""
    for records in list(route53._records._data.values()):
        for record in records:
            if record.get("AliasTarget") and record["Name"].rstrip(".") == name:
                return record["AliasTarget"]["DNSName"].rstrip(".").lower()
    return name


def refuse(kind, mistake):
    """Makes AWS's own check before a resource is created."""
    create = HANDLERS[kind]["create"]

    def checked(logical_id, properties, stack):
        message = mistake(properties)
        if message:
            raise ValueError(f'Resource handler returned message: "{message}" (HandlerErrorCode: AlreadyExists)')
        return create(logical_id, properties, stack)

    HANDLERS[kind]["create"] = checked


def duplicate_listener(properties):
    for listener in alb._listeners.values():
        if listener["LoadBalancerArn"] == properties.get("LoadBalancerArn"):
            if str(listener["Port"]) == str(properties.get("Port")):
                return "A listener already exists on this port for this load balancer"
    return None


def duplicate_priority(properties):
    for rule in alb._rules.values():
        if rule["ListenerArn"] == properties.get("ListenerArn"):
            if rule["Priority"] == str(properties.get("Priority")):
                return f"Priority '{properties.get('Priority')}' is currently in use"
    return None


def associate_by_rule():
    """A rule associates its target group with the load balancer, as a listener does; ministack forgets that."""
    create = HANDLERS["AWS::ElasticLoadBalancingV2::ListenerRule"]["create"]

    def associated(logical_id, properties, stack):
        result = create(logical_id, properties, stack)
        balancer = alb._listeners[properties["ListenerArn"]]["LoadBalancerArn"]
        for action in properties.get("Actions") or []:
            group = alb._tgs.get(action.get("TargetGroupArn"))
            if group is not None and balancer not in group["LoadBalancerArns"]:
                group["LoadBalancerArns"].append(balancer)
        return result

    HANDLERS["AWS::ElasticLoadBalancingV2::ListenerRule"]["create"] = associated
