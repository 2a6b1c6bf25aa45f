home-title = Inicio
home-nothing = Su cuenta todavía no tiene ningún permiso aquí. Pídalo a quien administra.
place-what-visits = Visitas que esperan revisión: evidencia, devoluciones y aprobaciones
place-what-scorecards = Resultados por sucursal, con su intervalo y su tendencia
place-what-people = Quién usa Veedor y con qué permisos
place-what-branches-mine = Sus resultados publicados y por qué se perdieron puntos
place-what-appeals = Lo que las sucursales piden revisar, con su plazo
place-what-imports = Hojas de cálculo de sucursales, personas, personal, turnos e indicadores
