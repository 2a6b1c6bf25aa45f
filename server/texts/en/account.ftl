account-title = My account
account-password-current = Current password
account-password-change = Change the password
said-password-changed = The password was changed; your other sessions ended.
second-factor-name = Second factor
second-factor-what = When you sign in, a code is asked for beside the password; it changes every 30 seconds and only your phone knows it.
second-factor-asked = Your role decides about logins or pay: before you go on, set up a second factor.
second-factor-offered = You have none. Your role does not ask for it, but it guards your account should somebody learn your password.
second-factor-since = Active since { $it }.
second-factor-left = { $n ->
    [one] One recovery code is left.
   *[other] { $n } recovery codes are left.
  }
second-factor-begin = Set up
second-factor-replace = Change phone or app
second-factor-step-app = Install an authenticator app (TOTP) on your phone, if you have none: Aegis, FreeOTP, Google Authenticator or another.
second-factor-step-scan = Scan this code with it:
second-factor-qr = QR code of the secret for the app
second-factor-here = The app is on this very phone: open it
second-factor-type = Or type the secret:
second-factor-step-code = Type the six digits that it shows.
second-factor-first-hint = Six digits; they change every 30 seconds
second-factor-confirm = Activate
second-factor-again = Does it not work? Begin anew
recovery-title = Your recovery codes
recovery-done = The second factor is active.
recovery-why = Keep them away from the phone, on paper for instance: each serves once should you lose the phone. They are not shown again.

proof-title = A code of your app
proof-why = This asks for a code of the last five minutes. Type it and you go on where you were; what you sent is kept.
proof-submit = Go on
