### What es-CO says otherwise than neutral Spanish.

role-hr-analyst = Analista de gestión humana
role-hr-approver = Aprobación de gestión humana
