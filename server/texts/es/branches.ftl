branch-mine = Mis sucursales
branch-mine-more = Se muestran las primeras 50 por nombre. Todas están en
branch-visits = { $n ->
    [one] { $n } visita
   *[other] { $n } visitas
}
branch-interval = intervalo 95 %: { $it }
branch-critical-visits = { $n ->
    [one] { $n } visita con falla crítica
   *[other] { $n } visitas con falla crítica
}
branch-newest = Última visita publicada
branch-nothing-lost = No se perdieron puntos en esta visita.
branch-critical = falla crítica
branch-why = ¿Por qué perdimos puntos?
branch-visits-shown = Visitas publicadas
branch-visits-caption = Las más recientes primero. Abra una para ver por qué se perdieron puntos
branch-empty-text = Cuando se publique una visita aparecerá aquí, con lo que costó puntos y el plazo para apelar.
branch-visit-of = Visita del { $it }
branch-lost = Puntos perdidos
branch-of-hundred = de 100, antes de la regla de fallas críticas
branch-before = Calificación anterior
branch-before-approved = antes de aprobarse otra vez
branch-before-appeal = antes de una apelación aceptada
branch-before-rescored = antes de calificar otra vez
branch-by-critical = Una falla crítica limita la calificación: quitó { $it } puntos más.
branch-why-caption = Lo que más costó, primero. Los puntos son de los 100 de la visita
branch-question = Pregunta
branch-points = Puntos
branch-found = Se encontró
branch-expected = Se esperaba
branch-appeal-title = ¿No está de acuerdo?
branch-appeal = Apelar
branch-appeal-until = Puede apelar las preguntas que costaron puntos hasta el { $it }. Decide alguien que no revisó la visita.
branch-appeal-nothing = Nada costó puntos: no hay qué apelar.
branch-appeal-waiting = Ya hay una apelación abierta; agregue ahí lo que falte.
branch-appeal-late = El plazo para apelar terminó el { $it }.
branch-appeal-closed = El periodo está cerrado: esta visita ya no se apela.
branch-appeal-not-yours = Apela quien está a cargo de la sucursal.
branch-appeal-one = Apelación: { $it }
branch-criticals = Preguntas críticas que fallaron
branch-group-caption = Ganado entre posible, en %
branch-withheld = No se muestran comentarios, textos, fotos ni horas de la visita: podrían revelar quién la hizo.
branch-poster = Cartel para el equipo
branch-poster-hint = Una página para imprimir y colgar. No muestra ninguna visita en particular.
branch-poster-promise = Nuestra promesa: atenderle bien, en cada visita.
branch-poster-better = En qué mejoramos
branch-poster-nothing-better = Todavía no hay un periodo anterior en el que se vea una mejora.
branch-poster-next = Lo que sigue
branch-poster-nothing-next = No perdimos puntos en este periodo. ¡A mantenerlo!
branch-poster-expected = Lo que se espera: { $it }
branch-poster-foot = Mejorar es tarea de todo el equipo; estos resultados no son para sancionar a nadie.
