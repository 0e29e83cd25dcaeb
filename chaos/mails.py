"""The settings of processes that send mails to a server of this machine."""


def mail_environment(port: int) -> dict[str, str]:
    return {"EMAIL_URL": f"smtp://127.0.0.1:{port}", "EMAIL_FROM": "desk@shop.example"}
