### What es-CL says otherwise than neutral Spanish.

role-hr-analyst = Analista de personas
role-hr-approver = Aprobación de personas
