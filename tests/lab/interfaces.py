"""Network interfaces of tasks: ministack names a task's address, and has no interface behind it."""

from ministack.core.responses import get_account_id
from ministack.services import ec2, ecs

# The security groups, and whether an address is public, by the subnet's request: one thread starts a task.
requests = {}


def install():
    requested_subnet, record, describe = ecs._requested_subnet, ecs._record_task_ip, ec2._eni_fields_xml

    def remember(data):
        network = (data.get("networkConfiguration") or {}).get("awsvpcConfiguration") or {}
        subnet = requested_subnet(data)
        requests[subnet, data.get("group")] = network
        return subnet

    def record_with_interface(task, container, network):
        record(task, container, network)
        for attachment in task.get("attachments") or []:
            details = attachment["details"]
            if not any(detail["name"] == "networkInterfaceId" for detail in details):
                details.append({"name": "networkInterfaceId", "value": interface(task)})

    def with_association(eni, tag="item"):
        xml = describe(eni, tag)
        if eni.get("PublicIp"):
            association = f"<association><publicIp>{eni['PublicIp']}</publicIp></association>"
            xml = xml.replace("<groupSet>", association + "<groupSet>")
        return xml

    ecs._requested_subnet = remember
    ecs._record_task_ip = record_with_interface
    ec2._eni_fields_xml = with_association


def interface(task):
    """Makes the interface of a task; the result is its id."""
    private = ecs._task_ip(task)
    network = requests.get((task.get("_subnet"), task.get("group"))) or {}
    eni = "eni-" + task["taskArn"].rsplit("/", 1)[-1].replace("-", "")[:17]
    subnet = ec2._subnets.get(task.get("_subnet")) or {}
    groups = network.get("securityGroups") or []
    ec2._network_interfaces[eni] = {
        "NetworkInterfaceId": eni,
        "SubnetId": task.get("_subnet") or "",
        "VpcId": subnet.get("VpcId", ""),
        "Description": task["taskArn"],
        "OwnerId": get_account_id(),
        "Status": "in-use",
        "PrivateIpAddress": private,
        # Of a range for documentation; the last number is the private one's.
        "PublicIp": f"203.0.113.{private.rsplit('.', 1)[-1]}" if network.get("assignPublicIp") == "ENABLED" else None,
        "MacAddress": "02:00:00:00:00:01",
        "Groups": [{"GroupId": group, "GroupName": group} for group in groups],
    }
    return eni
