"""Pages through a load balancer: ministack looks for its name in the default account alone.

A browser sends no access key, so ministack cannot tell whose load balancer it is; the name says it.
"""

from ministack.core.responses import set_request_account_id, set_request_region
from ministack.services import alb


def install():
    find = alb.find_lb_for_host

    def find_in_all_accounts(host):
        name = host.split(":")[0].lower()
        for (account, region, _), balancer in list(alb._lbs._data.items()):
            if balancer["DNSName"].lower() == name:
                # Listeners, rules and targets are looked up in the same account from here on.
                set_request_account_id(account)
                set_request_region(region)
                return balancer
        return find(host)

    alb.find_lb_for_host = find_in_all_accounts
