"""The developer's side: API keys, prepaid balances, hosts chosen, escrows opened, vouchers signed."""
