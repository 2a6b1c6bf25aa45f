### What es-ES says otherwise than neutral Spanish.

people-login = Nombre de usuario
