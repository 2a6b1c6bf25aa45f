account-title = Mi cuenta
account-password-current = Contraseña actual
account-password-change = Cambiar la contraseña
said-password-changed = La contraseña fue cambiada; sus otras sesiones terminaron.
second-factor-name = Segundo factor
second-factor-what = Al entrar, además de la contraseña, se pide un código que cambia cada 30 segundos y que solo su teléfono sabe.
second-factor-asked = Su rol decide sobre accesos o pagos: antes de seguir, configure un segundo factor.
second-factor-offered = No tiene uno. Su rol no lo pide, pero protege su cuenta si alguien sabe su contraseña.
second-factor-since = Activo desde { $it }.
second-factor-left = { $n ->
    [one] Queda un código de recuperación.
   *[other] Quedan { $n } códigos de recuperación.
  }
second-factor-begin = Configurar
second-factor-replace = Cambiar de teléfono o aplicación
second-factor-step-app = Instale en su teléfono una aplicación de códigos (TOTP), si no tiene una: Aegis, FreeOTP, Google Authenticator u otra.
second-factor-step-scan = Escanee con ella este código:
second-factor-qr = Código QR del secreto para la aplicación
second-factor-here = La aplicación está en este mismo teléfono: abrirla
second-factor-type = O escriba el secreto:
second-factor-step-code = Escriba el código de seis dígitos que muestra.
second-factor-first-hint = Seis dígitos; cambian cada 30 segundos
second-factor-confirm = Activar
second-factor-again = ¿No funciona? Empezar de nuevo
recovery-title = Sus códigos de recuperación
recovery-done = El segundo factor está activo.
recovery-why = Guárdelos fuera del teléfono, por ejemplo en papel: cada uno sirve una vez si pierde el teléfono. No se vuelven a mostrar.

proof-title = Un código de su aplicación
proof-why = Esto pide un código de los últimos cinco minutos. Escríbalo y sigue donde estaba; lo que envió se conserva.
proof-submit = Seguir
