review-title = Visitas por revisar
review-caption = La que más espera va primero. La espera cuenta desde el envío; el programa no fija un plazo de revisión.
review-visit = Visita
review-state = Estado
review-state-waiting = por revisar
review-branch-code = Código de sucursal
review-wave = Oleada
review-wave-any = todas
review-late = Espera
review-late-any = cualquiera
review-late-1 = un día o más
review-late-2 = dos días o más
review-late-3 = tres días o más
review-late-7 = una semana o más
review-mine = Las que reviso yo
review-look = Con algo por resolver
review-filter = Filtrar
review-all-waiting = Ver todas
review-none = Nada espera revisión
review-none-text = Aquí llegan las visitas cuando el teléfono las envía. Para que lleguen, cree una oleada y asigne visitas.
review-none-found = Ninguna visita cumple el filtro
review-none-found-text = Quite algún filtro o mire todas las que esperan.
review-waits = Espera
review-reviewer = Revisa
review-auditor = Auditó
review-warnings = Avisos
review-you = usted
review-tick = Marcar
review-bulk = Aprobar las marcadas
review-bulk-hint = Solo se marcan visitas limpias. Antes de aprobar se muestra qué pasará con cada una.
review-bulk-title = { $n ->
    [0] Ninguna de estas visitas se puede aprobar así
    [one] Aprobar una visita
   *[other] Aprobar { $n } visitas
}
review-bulk-done = { $n ->
    [0] No se aprobó ninguna visita
    [one] Se aprobó y publicó una visita
   *[other] Se aprobaron y publicaron { $n } visitas
}
review-bulk-confirm = { $n ->
    [one] Aprobar y publicar una visita
   *[other] Aprobar y publicar { $n } visitas
}
review-bulk-caption = Qué pasará con cada visita
review-bulk-caption-done = Qué pasó con cada visita
review-bulk-why = La calificación queda congelada y la sucursal la ve.
review-bulk-nothing = Revíselas una por una.
review-outcome = Resultado
review-outcome-will = se aprueba y publica
review-outcome-done = aprobada y publicada
review-outcome-left = queda como está
review-score = Calificación
review-back = Volver a las visitas
review-minutes = { $n ->
    [0] menos de un minuto
    [one] 1 minuto
   *[other] { $n } minutos
}
review-hours = { $n ->
    [one] 1 hora
   *[other] { $n } horas
}
review-days = { $n ->
    [one] 1 día
   *[other] { $n } días
}
review-round = ronda { $n }
review-not-completed = no se realizó
review-own = la hizo usted
review-conflicts = { $n ->
    [one] 1 conflicto
   *[other] { $n } conflictos
}
review-late-answers = { $n ->
    [one] 1 respuesta tardía
   *[other] { $n } respuestas tardías
}
review-keys = Teclado
review-keys-on = Usar estas teclas
review-keys-next = siguiente
review-keys-before = anterior
review-keys-approve = ir a aprobar
review-keys-return = ir a devolver
review-keys-safe = Las teclas solo llevan de un lugar a otro; nada se hace sin presionar el botón.
review-now-you = la revisa usted
review-now-other = la revisa { $it }
review-now-nobody = nadie la revisa todavía
review-waits-since = espera desde hace { $it }
review-handed-in-since = enviada hace { $it }
review-own-notice = Usted hizo esta visita: puede verla, y la revisa otra persona.
review-renewed = Un teléfono continuó esta visita en lugar de otro, o hay dos registros de uno. Mire la historia antes de aprobar.
review-moved-notice = La visita pasó de una versión del cuestionario a otra.
review-kept = Lo que usted escribió
review-answers = Respuestas
review-beside = Junto a las respuestas
review-yes = Sí
review-no = No
review-na = No aplica
review-scale = { $it } de 5
review-unanswered = sin respuesta
review-critical = crítica
review-in-conflict = en conflicto
review-points = { $it } de { $of } puntos
review-points-bonus = { $it } puntos adicionales
review-points-excluded = no cuenta
review-points-hidden = no se preguntó
review-points-none = sin puntos
review-photos-of-item = { $n ->
    [one] 1 evidencia
   *[other] { $n } evidencias
}
review-redacted-answer = La respuesta se suprimió.
review-redacted-comment = El comentario se suprimió.
review-redacted-photos = Una evidencia se suprimió.
review-corrected = Por una solicitud de revisión cuenta: { $it }
review-left-out = no cuenta
review-field-checklist = Versión del cuestionario
review-fact-arrival = Llegada
review-fact-departure = Salida
review-fact-platform = Plataforma
review-fact-outcome = Que no se realizó
review-fix = Pedir corrección
review-fix-tick = Devolver esta pregunta
review-fix-why = Qué hay que corregir
review-evidence = Evidencia
review-no-evidence = La visita no trae fotos ni archivos.
review-evidence-hidden = La evidencia la ven quienes revisan.
review-evidence-missing = aún no llega
review-evidence-redacted = se suprimió
review-evidence-pending = se está procesando
review-more-evidence = Más evidencia
review-photo-n = Foto { $n }
review-file-n = Archivo { $n }
review-source-camera = de la cámara
review-source-file = de un archivo
review-photo-not-permitted = El programa no permite este archivo.
review-photo-mime-differs = No es del tipo que dice ser.
review-photo-size-differs = No mide lo que el teléfono dijo.
review-photo-seen-before = La misma foto ya es evidencia en otro lugar.
review-photo-looks-alike = Se parece a otra foto.
review-photo-refused = No se puede mostrar ({ $it }).
review-twin = Ver la otra visita
review-map-no-position = La llegada no tiene ubicación.
review-map-no-branch = No se conoce la ubicación de la sucursal; pídala a quien administra sucursales.
review-map-fence = Llegó a { $n } m de la sucursal; se admiten { $of } m.
review-map-plain = Llegó a { $n } m de la sucursal.
review-map-accuracy = Margen de la ubicación: { $n } m.
review-map-simulated = El dispositivo dice que es simulada.
review-map-source = Ubicación { $it }.
review-map-legend = Cuadro: sucursal. Punto: llegada. Círculo: lo que se admite.
review-viewer = Foto
review-zoom-in = Acercar
review-zoom-out = Alejar
review-turn = Girar
review-close = Cerrar
review-frozen = congelada
review-preview = así quedaría
review-critical-failed = { $n ->
    [one] 1 pregunta crítica fallida
   *[other] { $n } preguntas críticas fallidas
}
review-grade = Grado de la evidencia
review-proof = Registro
review-proof-whole = completo e íntegro
review-proof-missing = falta una parte
review-proof-differs = no es lo que se firmó
review-proof-open = aún sin enviar
review-proof-ops = { $n ->
    [one] 1 operación de los teléfonos.
   *[other] { $n } operaciones de los teléfonos.
}
review-proof-unseen = Quien envió no había visto todo lo que se muestra.
review-proof-check = Comprobar firmas y acuses
review-proof-title = Comprobación de la visita
review-proof-good = Todas las firmas, cadenas y acuses son válidos.
review-proof-part = Lo que está firmado es válido; una parte no tiene firma aquí.
review-proof-score = La calificación sale igual al calcularla de nuevo.
review-proof-no-score = No hay calificación que se pueda calcular de nuevo.
review-proof-unproven = { $n ->
    [one] Una operación está sin comprobar.
   *[other] { $n } operaciones están sin comprobar.
}
review-proof-devices = Con qué se registró
review-proof-key = Clave
review-proof-kind = Tipo
review-proof-since = Inscrita
review-proof-out = dada de baja
review-proof-proves = Qué prueba
review-proof-not = Qué no prueba
review-proof-download = Descargar la prueba
review-proof-back = Volver a la visita
review-device-phone = teléfono
review-device-import = importación
review-device-server = oficina
review-flags = Avisos de calidad
review-flags-why = Cada aviso dice qué se midió. Ninguno rechaza por sí mismo.
review-proven = Hay prueba.
review-unproven = No hay prueba.
review-to-settle = Por resolver
review-blocks = Impide aprobar.
review-conflict-field = Dos respuestas a la vez
review-conflict-late = Respuesta tardía
review-conflict-submit = Enviada dos veces
review-conflict-fork = Registro duplicado de un teléfono
review-conflict-blob-lost = Evidencia perdida
review-conflict-clock = Reloj adelantado
review-conflict-why-field = Dos teléfonos respondieron sin verse. Elija cuál respuesta vale.
review-conflict-why-late = Llegó después del envío y no se aplicó. Puede valer, o quedar solo anotada.
review-conflict-why-submit = La ronda se envió desde dos teléfonos que no se habían visto.
review-conflict-why-fork = Se copió la carpeta de un teléfono, y hay dos registros con la misma identidad.
review-conflict-why-blob-lost = El teléfono perdió el archivo antes de enviarlo.
review-conflict-why-clock = El reloj del teléfono iba adelantado; la hora se tomó de la llegada a la oficina.
review-op-set = respuesta
review-op-clear = sin respuesta
review-op-attach = evidencia
review-op-detach = evidencia retirada
review-op-note = comentario
review-op-submit = envío
review-op-create = inicio
review-op-resolve = respuesta elegida
review-op-lost = evidencia perdida
review-op-void = anulación
review-stands = Cuál vale
review-resolve = Dejar esta respuesta
review-acknowledge = Dejar como está
review-reason = Motivo
review-decide = Decidir
review-obstacles = Falta para aprobar
review-do-claim = Tomar para revisar
review-do-hold = Poner en espera
review-do-release = Reanudar la revisión
review-do-return = Devolver para corregir
review-do-approve = Aprobar
review-do-reject = Rechazar
review-do-publish = Publicar
review-do-exclude = Excluir de las calificaciones
review-do-include = Incluir otra vez
review-do-void = Anular
review-why-claim = Los demás ven que la revisa usted.
review-why-hold = Queda esperando algo de fuera, con su motivo.
review-why-release = La revisión sigue donde quedó.
review-why-return = Marque arriba cada pregunta por corregir y diga qué está mal. El teléfono recibe la devolución con su plazo.
review-why-approve = La calificación queda congelada; lo que llegue después ya no la cambia.
review-why-reject = La visita no cuenta y su lugar se abre de nuevo. Hace falta que otra persona también la rechace.
review-why-publish = La sucursal ve el resultado y puede pedir una revisión.
review-why-exclude = Se conserva y se paga, pero no cuenta. Hace falta otra persona que no vea incentivos.
review-why-include = Vuelve a contar. Hace falta otra persona.
review-why-void = Por fraude o error; la evidencia se conserva. No se puede deshacer. Hace falta otra persona.
review-void-sure = Entiendo que anular no se puede deshacer
review-submissions = Qué envío se aprueba
review-submissions-hint = Hay más de un envío, o llegó algo después. Solo cuenta lo que contiene el que elija.
review-submission-none = el único que hay
review-submission = Envío { $n }
review-deadline = Plazo
review-deadline-hint = Hora de la sucursal ({ $it })
review-return-reason = Para toda la visita
review-waiting = { $who } pidió «{ $it }» el { $at } ({ $why }). Se cumple cuando otra persona pida lo mismo.
review-waiting-own = Usted pidió «{ $it }» el { $at } ({ $why }). Falta que otra persona pida lo mismo.
review-versions = Versiones de la calificación
review-versions-caption = Una versión no se edita: un cambio es una versión nueva con su motivo.
review-version = Versión
review-when = Cuándo
review-raw = Antes de la regla crítica
review-band = Categoría
review-changes = Qué cambió en la versión { $n }
review-item = Pregunta
review-before = Antes
review-after = Después
review-version-approved = aprobada
review-version-appeal = solicitud de revisión aceptada
review-story = Qué pasó
review-story-why = Horas de la sucursal. Lo que registró un teléfono lleva la hora de su reloj.
review-story-left-out = Se muestran las últimas; faltan { $n } líneas anteriores.
review-suspect = reloj adelantado
review-office = la oficina
review-did-began = inició la visita
review-did-moved = pasó la visita a otra versión del cuestionario
review-did-arrived = registró la llegada
review-did-left = registró la salida
review-did-could-not = registró que no se pudo realizar
review-did-answered = { $n ->
    [one] respondió 1 pregunta
   *[other] respondió { $n } preguntas
}
review-did-changed = { $n ->
    [one] cambió 1 respuesta
   *[other] cambió { $n } respuestas
}
review-did-commented = { $n ->
    [one] escribió 1 comentario
   *[other] escribió { $n } comentarios
}
review-did-attached = { $n ->
    [one] agregó 1 evidencia
   *[other] agregó { $n } evidencias
}
review-did-detached = { $n ->
    [one] quitó 1 evidencia
   *[other] quitó { $n } evidencias
}
review-did-lost = { $n ->
    [one] perdió 1 archivo
   *[other] perdió { $n } archivos
}
review-did-remarked = { $n ->
    [one] anotó 1 observación
   *[other] anotó { $n } observaciones
}
review-did-handed-in = envió la visita
review-did-settled = { $n ->
    [one] resolvió 1 conflicto
   *[other] resolvió { $n } conflictos
}
review-did-redacted = { $n ->
    [one] suprimió 1 dato
   *[other] suprimió { $n } datos
}
review-did-other = { $n ->
    [one] hizo algo que esta versión no conoce
   *[other] hizo { $n } cosas que esta versión no conoce
}
review-did-received = recibió la visita
review-did-asked = pidió { $it }; falta otra persona
review-did-step = { $it } → { $to }
said-review-claim = La visita es suya para revisarla.
said-review-hold = La visita quedó en espera.
said-review-release = La revisión sigue.
said-review-return = La visita se devolvió con su plazo.
said-review-approve = La visita quedó aprobada.
said-review-reject = La visita quedó rechazada.
said-review-publish = La visita quedó publicada.
said-review-exclude = La visita quedó excluida.
said-review-include = La visita cuenta otra vez.
said-review-void = La visita quedó anulada.
said-review-resolve = El conflicto quedó resuelto.
said-review-acknowledge = Quedó anotado.
said-review-asked = Quedó pedido; se cumple cuando otra persona pida lo mismo.
