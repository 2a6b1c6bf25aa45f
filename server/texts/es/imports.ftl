import-title = Importar
import-why = Suba una hoja de cálculo (XLSX o CSV). Primero se prueba y no se guarda nada: verá renglón por renglón qué agrega, qué cambia y qué se rechaza.
import-kind = De qué es
import-kind-branches = Sucursales y regiones
import-kind-users = Personas y roles
import-kind-staff = Personal de las sucursales
import-kind-shifts = Turnos
import-kind-kpis = Indicadores
import-file = Archivo
import-file-hint = Hasta 20 MB y 50,000 filas (5,000 de personas)
import-sheet = Hoja
import-sheet-hint = Solo si el libro tiene varias; si no, se lee la primera visible
import-try = Probar
import-samples = Plantillas para empezar
import-done = Importaciones hechas
import-caption = Lo que se importó, lo más reciente primero
import-empty = Todavía no se ha importado nada
import-empty-text = Empiece con las sucursales: de ellas dependen las personas, los turnos y los indicadores.
import-when = Cuándo
import-state = Estado
import-state-applied = aplicada
import-state-undone = deshecha
import-rows = Filas
import-added = Agrega
import-changed = Cambia
import-unchanged = Ya estaba así
import-refused = Rechazadas
import-regions-added = { $n ->
    [one] y { $n } región
   *[other] y { $n } regiones
}
import-regions-changed = { $n ->
    [one] y { $n } región
   *[other] y { $n } regiones
}
import-tried = Es una prueba: todavía no se guardó nada.
import-was-applied = Se guardó.
import-see = Ver lo que cambió, o deshacerlo
import-codes = Códigos de las personas nuevas
import-codes-once = Se muestran una sola vez: imprímalos o guárdelos ahora. Con su código cada persona pone su contraseña.
import-code = Código
import-problems = Filas rechazadas
import-problems-caption = Qué corregir, por fila y columna del archivo
import-row = Fila
import-column = Columna
import-reason = Motivo
import-more = { $n ->
    [one] Hay { $n } más.
   *[other] Hay { $n } más.
}
import-apply-title = Guardar
import-apply = Guardar todo
import-apply-good = Guardar solo las filas buenas
import-apply-good-why = Las filas rechazadas quedan fuera. Si prefiere todas, corrija el archivo y pruébelo de nuevo.
import-nothing-good = Ninguna fila se puede guardar: corrija el archivo y pruébelo de nuevo.
import-rows-title = Fila por fila
import-rows-caption = Lo que cada fila agrega o cambia
import-key = Clave
import-what = Qué
import-adds = Agrega: { $it }
import-changes = Cambia: { $it }
import-leaves = Queda igual { $it }
import-changed-nothing = No cambió nada: todo estaba así.
import-changes-caption = Lo que cambió, en el orden en que se hizo
import-added-one = agregado
import-changed-one = cambiado
import-kept = se dejó: { $it }
import-subject-region = Región
import-subject-branch = Sucursal
import-subject-user = Persona
import-subject-role = Rol
import-subject-staff = Personal
import-subject-shift = Turno
import-subject-kpi = Indicador
import-undo = Deshacer la importación
import-undo-why = Lo que nadie cambió ni usó desde entonces vuelve a ser como era. Se puede una sola vez.
import-undo-rest = Dejar lo que ya cambió o se usa, y deshacer el resto
import-was-undone = Esta importación se deshizo.
said-import-undone = La importación se deshizo.
