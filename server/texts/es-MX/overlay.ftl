### What es-MX says otherwise than neutral Spanish.

people-code-new = Generar un código nuevo
