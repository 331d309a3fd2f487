"""Stores of resources: ministack lists them with `list(dict.items())`, which fails when another thread adds to them.

The garbage collector may run while the pairs of the list are made, and other threads with it. A request that failed so
after it had created something is sent again by the SDKs, and then there is already what it creates.
"""

from ministack.core.responses import AccountRegionScopedDict, AccountScopedDict


def install():
    for store in (AccountScopedDict, AccountRegionScopedDict):
        store.items, store.values = items, values
        store.all_items, store.all_values = all_items, all_values
    AccountRegionScopedDict.items_scoped, AccountRegionScopedDict.values_scoped = items_scoped, values_scoped


def all_items(self):
    # A copy of a dictionary is made in one step.
    return list(self._data.copy().items())


def all_values(self):
    return [value for _, value in all_items(self)]


def items(self):
    return [(self._unscope(key), value) for key, value in all_items(self) if self._is_mine(key)]


def values(self):
    return [value for _, value in items(self)]


def items_scoped(self, account_id, region):
    return [(self._unscope(key), value) for key, value in all_items(self) if key[:2] == (account_id, region)]


def values_scoped(self, account_id, region):
    return [value for _, value in items_scoped(self, account_id, region)]
