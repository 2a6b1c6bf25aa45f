pay-title = Incentivos
pay-caption = Cálculos, los más recientes primero
pay-new = Nuevo cálculo
pay-empty = Todavía no hay cálculos
pay-empty-text = Un cálculo toma las visitas aprobadas y los indicadores de un periodo, los congela y dice cuánto se paga a cada persona y por qué. Empiece con uno de prueba.
pay-run = Cálculo de incentivos
pay-period = Periodo
pay-plan = Plan
pay-unit = A quién
pay-mode = Modo
pay-state = Estado
pay-total = Total
pay-amount = Monto
pay-person = Número
pay-name = Nombre
pay-branch = Sucursal
pay-what = Qué revisar
pay-people = Personas
pay-calculated-by = Calculó
pay-approved-by = Aprobó
pay-mode-shadow = prueba
pay-mode-live = real
pay-mode-shadow-long = Prueba: muestra lo que se pagaría y no paga nada
pay-mode-live-long = Real: lo que se apruebe y cierre se paga
pay-mode-hint = Un cálculo real no se puede cambiar después de aprobado, y nadie cobra dos veces los mismos días. Calcule antes en prueba.
pay-unit-organization = Toda la organización
pay-unit-branches = Sucursales
pay-unit-regions = Regiones
pay-unit-codes = Códigos
pay-unit-codes-hint = De las sucursales o regiones, separados por comas. Vacío para toda la organización
pay-from = Primer día
pay-to = Último día
pay-create = Crear el cálculo
pay-new-how = Nada se calcula todavía: al calcular se congelan las visitas y los indicadores que cuentan.
pay-no-plan = No hay ningún plan liberado. Quien administra el contenido libera uno primero.
pay-shadow-note = Es una prueba: no paga nada.
pay-exceptions = Excepciones
pay-exceptions-whole = De todo el cálculo
pay-exceptions-people = { $n ->
    [one] Una persona tiene algo que revisar
   *[other] { $n } personas tienen algo que revisar
}
pay-exceptions-pages = Páginas de excepciones
pay-no-exceptions = No hay nada fuera de lo común.
pay-not-calculated = Todavía no se calcula.
pay-totals = Totales
pay-people-caption = Lo que se paga a cada persona, por número; el número abre su estado de cuenta
pay-export = Descargar las líneas (CSV)
pay-own = Usted calculó o fijó categorías a mano: aprueba y cierra otra persona.
pay-history = Qué se hizo
pay-did-created = creó el cálculo
pay-did-calculated = calculó
pay-did-submitted = envió a aprobación
pay-did-back-to-draft = devolvió a borrador
pay-did-approved = aprobó
pay-did-locked = cerró
pay-did-exported = exportó
pay-did-paid = registró el pago
pay-calculate = Calcular
pay-calculate-why = Congela las visitas y los indicadores que cuentan ahora y calcula cada línea.
pay-submit = Enviar a aprobación
pay-submit-why = Revise antes las excepciones. Aprueba otra persona.
pay-approve = Aprobar
pay-approve-why = Desde aquí los montos no cambian; lo que se corrija después será un ajuste del periodo siguiente.
pay-lock = Cerrar para siempre
pay-lock-why = Se repite el cálculo con los mismos datos y se cierra. No hay vuelta atrás.
pay-back = Devolver a borrador
pay-back-why = Se borran los montos y se calcula de nuevo con lo que valga entonces.
pay-back-reason = Motivo
pay-more-problems = { $n ->
    [one] y uno más
   *[other] y { $n } más
}
pay-statement = Estado de cuenta
pay-lines = Líneas
pay-line = Línea
pay-lines-caption = De qué se compone el monto
pay-line-component = Componente { $it }
pay-line-pool-share = Parte de la bolsa del equipo
pay-line-recognition = Reconocimientos
pay-line-recognition-of = Reconocimiento { $it }
pay-line-retro = Ajuste de un periodo anterior
pay-line-recovery = Recuperación de un periodo anterior
pay-line-held = Retenido mientras se decide una aclaración
pay-held-amount = Retenido: { $it }
pay-held-with = Con las visitas en aclaración se ganaría { $it }
pay-held-without = Sin ellas, { $it }
pay-held-due = Se decide a más tardar el { $it }
pay-adjusts = Corrige el periodo { $it }
pay-reason = Motivo: { $it }
pay-method-rerun = El periodo cerrado se calculó otra vez con lo que se decidió después; se paga la diferencia.
pay-method-simplified = Se calculó con la meta, el peso y el pago del componente.
pay-limit = Lo más que se puede recuperar en este periodo: { $it }
pay-carried = Queda por recuperar después: { $it }
pay-excluded = { $component }: { $n } de { $min } en la muestra; su peso { $weight } pasó a los demás componentes
pay-visits-caption = Visitas que cuentan en: { $it }
pay-date = Fecha
pay-score = Calificación
pay-disputed = en aclaración
pay-whole = Del total
pay-sign = Nombre y firma de conformidad
pay-sign-date = Fecha
pay-no-interval = ninguno, por ser una sola visita
pay-rule-redistribute-weight = su peso pasa a los demás componentes
pay-rule-hold-harmless = se paga la meta
pay-rule-carry-forward = vale el resultado de los últimos doce meses
pay-rule-zero = no paga nada
pay-step-mean = Promedio de las visitas ({ $visits }): { $mean }; con dos decimales, { $value }
pay-step-fraction = { $numerator } de { $denominator } = { $value }
pay-step-given = Resultado del indicador: { $value }
pay-step-sample = La muestra es de { $n } y el plan pide { $min_n }: { $value }
pay-step-ratio = Cumplimiento: resultado { $result } ÷ meta { $goal } × 100 = { $value } %
pay-step-range = Cumplimiento: (resultado { $result } − base { $base }) ÷ (meta { $goal } − base) × 100 = { $value } %
pay-step-inverse = Cumplimiento, donde menos es mejor: (base { $base } − resultado { $result }) ÷ (base − meta { $goal }) × 100 = { $value } %
pay-step-table-step = Tabla: { $x } alcanza un escalón que paga { $value } %
pay-step-table-below = Tabla: { $x } queda por debajo del primer escalón; paga { $value } %
pay-step-table-knot = Tabla: { $x } es un punto de la tabla; paga { $value } %
pay-step-table-above = Tabla: { $x } queda por encima del último punto; paga { $value } %
pay-step-table-between = Tabla: { $x } queda entre dos puntos; { $formula } = { $value } %
pay-step-protection = Protección del pago anterior: intervalo al nivel { $level }: { $interval }; límite { $limit }; antes { $previous_payout_pct } %; protegido { $protected_in_a_row } veces seguidas, { $max_consecutive } a lo más. Paga { $value } %
pay-step-amount = Meta { $target } × peso { $weight } × { $payout_pct } % = { $value }
pay-step-accelerator = Acelerador: { $amount } × { $factor } = { $value }
pay-step-decelerator = Desacelerador: { $amount } × { $factor } = { $value }
pay-step-gate = No se cumple una condición del componente: { $amount } × { $factor } = { $value }
pay-step-gate-of-lines = No se cumple la condición { $gate } ({ $formula }): todas las líneas se multiplican por { $value }
pay-step-gate-of-all = Por la condición de todo el plan: { $amount } × { $factor } = { $value }
pay-step-component-cap = El menor entre { $amount } y el tope { $cap }: { $value }
pay-step-proration = Días que cuentan entre días del periodo: { $amount } × { $proration } = { $value }
pay-step-round = Redondeado una vez, la mitad hacia arriba: { $amount } da { $value }
pay-step-sum = Suma de las líneas: { $value }
pay-step-plan-cap = El menor entre la suma { $sum } y el tope del plan { $cap }: { $value }
pay-step-recognitions = Reconocimientos: { $inside_cap } dentro del tope y { $outside_cap } fuera de él; con ellos, { $value }
pay-step-payable = Del periodo { $current_period }, más ajustes { $adjustments }, nunca menos de cero: { $value }
pay-step-index = Promedio de { $n } visitas: { $mean }; con dos decimales, { $value }
pay-step-pool = Bolsa: { $base_per_head } por persona × { $people } personas × { $step_pct } % × factor de la categoría { $band_multiplier } = { $value }
pay-step-pool-cap = El menor entre la bolsa { $pool } y el tope { $cap } menos los reconocimientos que van dentro { $inside_cap }: { $value }
pay-step-share = Bolsa { $pool } × peso { $weight } entre la suma de los pesos, hacia abajo: { $floor }; con los centavos que sobran, { $value }
pay-step-recovery = Por recuperar { $wanted }, de lo ganado { $earned } y hasta el límite: { $value }
pay-step-retro = Meta { $target } × peso { $weight } × { $payout_pct } % menos lo pagado { $previously_paid }: { $value }
pay-step-other = { $formula } = { $value }
said-pay-created = El cálculo fue creado. Ahora calcúlelo.
said-pay-calculated = Calculado. Revise primero las excepciones.
said-pay-submitted = Enviado a aprobación.
said-pay-approved = Aprobado.
said-pay-locked = Cerrado.
said-pay-back-in-draft = Devuelto a borrador.
